// What a client of the old proto meets where two brokers take turns over one store.

import { setTimeout as rest } from "node:timers/promises";
import grpc from "@grpc/grpc-js";
import { equal, fail, pause, refused } from "./check.js";
import { PATIENCE } from "./client.js";

const { status } = grpc;

export const owners = { standby, takeover };

// This broker stands by, until the owner leaves.
async function standby(client) {
  const refuses = (what, call) => refused(what, call, status.UNAVAILABLE, "STANDBY");
  await refuses("a publish", () => client.publish("owners"));
  await refuses("delivered only", () => client.publish("owners", "", 0));
  await refuses("a fetch", () => client.fetch("owners", 1));
  await refuses("a subscription", async () => (await client.subscribe("owners")).next());
  await pause("stands by");
  equal("the next id", await retried(client, "owners"), 2);
  equal("what the owner stored", await client.fetch("owners", 1), "first");
}

// The owner is killed, and its address leads to the broker that stood by.
async function takeover(client) {
  equal("at the first owner", await client.publish("owners", "first"), 1);
  const live = await client.subscribe("owners");
  equal("at the first owner", await live.next(), "first");
  await pause("subscribed");
  try {
    fail(`a message of a killed broker: ${await live.next()}`);
  } catch (error) {
    equal("its end", error.code, status.UNAVAILABLE);
  }
  equal("at the next owner", (await retried(client, "owners")) > 1, true);
  const all = await client.subscribe("owners");
  equal("at the next owner", await all.next(), "first");
  equal("at the next owner", await all.next(), "again");
}

// Publishes until it is told an id, for as long as it hears that it may be tried again.
async function retried(client, subject) {
  for (const end = Date.now() + PATIENCE; ; await rest(100)) {
    try {
      return await client.publish(subject, "again");
    } catch (error) {
      equal("while nobody serves", error.code, status.UNAVAILABLE);
    }
    equal("an owner in time", Date.now() < end, true);
  }
}
