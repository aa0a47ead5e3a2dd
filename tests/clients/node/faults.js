// What a client of the old proto meets when the broker leaves, is full or has a bad disk.

import grpc from "@grpc/grpc-js";
import { equal, fail, judge, pause, refused } from "./check.js";

const { status } = grpc;

export const faults = { closing, overloaded, unavailable, damaged };

// The broker leaves: subscriptions end, and new calls hear it.
async function closing(client) {
  await client.publish("closing", "kept");
  const live = await client.subscribe("closing");
  equal("kept", await live.next(), "kept");
  await pause("subscribed");
  const closed = (what, call) => refused(what, call, status.UNAVAILABLE, "BROKER_CLOSING");
  await closed("the subscription", live.next);
  await closed("a publish", () => client.publish("closing"));
  await closed("a fetch", () => client.fetch("closing", 1));
  await closed("a new subscription", (await client.subscribe("closing")).next);
}

// The store of this broker is small.
async function overloaded(client) {
  const body = "x".repeat(65_536);
  let stored = 0;
  try {
    while (stored < 1_000) stored = await client.publish("full", body);
    fail("a small store took 1,000 messages");
  } catch (error) {
    judge("a full store", error, status.RESOURCE_EXHAUSTED, "OVERLOADED");
  }
  equal("what is stored stays", await client.fetch("full", stored), body);
  equal("what is not stored goes on", await client.publish("full", body, 0), 0);
}

// The disk of this broker fails when told so.
async function unavailable(client) {
  await client.publish("disk", "kept");
  await pause("published");
  const [first, second] = [() => client.publish("disk"), () => client.publish("disk 2")];
  await refused("at the failure", first, status.DEADLINE_EXCEEDED, "OUTCOME_UNKNOWN");
  await refused("after it", second, status.UNAVAILABLE, "STORAGE_UNAVAILABLE");
  equal("delivered only", await client.publish("disk 2", "", 0), 0);
  equal("what was kept", await client.fetch("disk", 1), "kept");
}

// Message 2 of 3 was damaged on the broker's disk.
async function damaged(client) {
  const second = () => client.fetch("damaged", 2);
  const metadata = await refused("fetch", second, status.DATA_LOSS, "MESSAGE_DAMAGED");
  equal("its id", metadata, { id: "2" });
  await client.fetch("damaged", 3);
  const history = await client.subscribe("damaged");
  equal("the one before it", await history.next(), await client.fetch("damaged", 1));
  const ended = await refused("a subscription", history.next, status.DATA_LOSS, "MESSAGE_DAMAGED");
  equal("its id", ended, { id: "2" });
}
