// Tests the broker from a client of its predecessor: @grpc/grpc-js at its defaults, the old proto.
//
//   old.js ADDRESS SCENARIO

import grpc from "@grpc/grpc-js";
import { equal, fail, judge, load, pause, refused } from "./check.js";
import { Client, PATIENCE } from "./client.js";
import { faults } from "./faults.js";
import { owners } from "./owners.js";

const { status } = grpc;

// What a message of these tests is worth keeping, in seconds.
const A_WHILE = 600;

// The largest message, in bytes of its encoded request.
const LARGEST = 4_193_280;

const KEEPALIVE = { "grpc.keepalive_time_ms": 10_000, "grpc.keepalive_permit_without_calls": 1 };

class OldClient extends Client {
  async publish(subject, body = "", expirationSeconds = A_WHILE) {
    const request = { subject, body: Buffer.from(body), expirationSeconds };
    return (await this.unary("Publish", request)).id;
  }

  async fetch(subject, id) {
    return (await this.unary("Fetch", { subject, id })).body.toString("latin1");
  }

  async subscribe(subject, milliseconds) {
    const { next, cancel } = await super.subscribe({ subject }, milliseconds);
    return { cancel, next: async () => (await next()).body.toString("latin1") };
  }
}

// Published with and without a lifetime, subscribed (what is kept and then what is new), fetched.
async function messages(client) {
  equal("first id", await client.publish("js", "kept 1"), 1);
  equal("delivered only", await client.publish("js", "heard by nobody", 0), 0);
  equal("second id", await client.publish("js", "kept 2"), 2);
  const all = await client.subscribe("js");
  equal("history", await all.next(), "kept 1");
  equal("history", await all.next(), "kept 2");
  for (let number = 0; number < 100; number++) {
    await client.publish("js", `live ${number}`, (number % 2) * A_WHILE);
  }
  for (let number = 0; number < 100; number++) {
    equal("live", await all.next(), `live ${number}`);
  }
  equal("fetched", await client.fetch("js", 2), "kept 2");
  equal("fetched", await client.fetch("js", 52), "live 99");
  equal("another subject counts by itself", await client.publish("js 2"), 1);
  equal("an empty body", await client.fetch("js 2", 1), "");
}

async function errors(client) {
  const invalid = (what, call, reason) => refused(what, call, status.INVALID_ARGUMENT, reason);
  await invalid("an empty subject", () => client.publish(""), "INVALID_SUBJECT");
  await invalid("a subject of 256 bytes", () => client.publish("a".repeat(256)), "INVALID_SUBJECT");
  await invalid("a control character", () => client.publish("a\x7f"), "INVALID_SUBJECT");
  await invalid("a negative expiration", () => client.publish("errors", "", -1), "INVALID_EXPIRATION");
  await client.publish("errors", "", 2 ** 31 - 1);
  for (const id of [2, 0, -1, -(2 ** 31)]) {
    await invalid(`id ${id}`, () => client.fetch("errors", id), "MESSAGE_NOT_FOUND");
  }
  await invalid("fetch of no subject", () => client.fetch("", 1), "INVALID_SUBJECT");
  const broken = await client.subscribe("\n");
  await invalid("subscription to a line break", () => broken.next(), "INVALID_SUBJECT");

  const id = await client.publish("errors", "brief", 1);
  const end = Date.now() + PATIENCE;
  try {
    while (Date.now() < end) await client.fetch("errors", id);
  } catch (error) {
    return judge("an expired message", error, status.INVALID_ARGUMENT, "MESSAGE_EXPIRED");
  }
  fail("a message of one second never expired");
}

// The largest message gets through everywhere at the library's limits, one byte more nowhere.
async function limit(client) {
  const { serialize } = definition["broker.PublishRequest"];
  const sized = (body) => serialize({ subject: "large", body: Buffer.from(body), expirationSeconds: A_WHILE }).length;
  const over = sized("a".repeat(LARGEST)) - LARGEST;
  const body = "a".repeat(LARGEST - over - 1) + "z";
  equal("encoded", sized(body), LARGEST);
  const live = await client.subscribe("large");
  const id = await client.publish("large", body);
  equal("live", await live.next(), body);
  live.cancel();
  equal("fetched", await client.fetch("large", id), body);
  const kept = await client.subscribe("large");
  equal("kept", await kept.next(), body);
  kept.cancel();
  const more = () => client.publish("large", body + "x");
  await refused("one byte more", more, status.INVALID_ARGUMENT, "MESSAGE_TOO_LARGE");
  equal("the next id", await client.publish("large"), id + 1);
}

// The connection lives over many pings, with and without a call under way.
async function keepalive(client) {
  const idle = await client.subscribe("idle", Infinity);
  await pause("subscribed");
  await client.publish("idle", "hello");
  equal("after many pings", await idle.next(), "hello");
  idle.cancel();
  await refused("cancelled", idle.next, status.CANCELLED);
  await pause("without a call");
  equal("after more pings", await client.fetch("idle", 1), "hello");
}

// The broker of this scenario takes 8 subscriptions: those that were cancelled must be gone.
async function cancel(client) {
  await client.publish("cancel", "kept");
  for (let round = 0; round < 50; round++) {
    const end = Date.now() + PATIENCE;
    while (!(await seated(client))) equal("a seat in time", Date.now() < end, true);
  }
  equal("the broker goes on", await client.publish("cancel"), 2);
}

async function seated(client) {
  const taken = await client.subscribe("cancel");
  try {
    equal("kept", await taken.next(), "kept");
  } catch (error) {
    judge("no seat yet", error, status.RESOURCE_EXHAUSTED, "OVERLOADED");
    return false;
  }
  taken.cancel();
  await refused("cancelled", taken.next, status.CANCELLED);
  return true;
}

async function deadline(client) {
  const start = performance.now();
  const brief = await client.subscribe("deadline", 500);
  await refused("a subscription past its deadline", brief.next, status.DEADLINE_EXCEEDED);
  // Timers of Node count whole milliseconds.
  equal("it ended at its deadline", performance.now() - start > 490, true);
  equal("a call within its deadline", await client.publish("deadline"), 1);
}

// A subscriber that does not read slows no publisher and misses nothing.
async function slow(client) {
  const sleepy = await client.subscribe("slow");
  for (let number = 1; number <= 2_000; number++) {
    equal("id", await client.publish("slow", `${number} `.padEnd(8 * 1024)), number);
  }
  for (let number = 1; number <= 2_000; number++) {
    equal("in order", parseInt(await sleepy.next()), number);
  }
  sleepy.cancel();
}

// Many small messages from many calls at once, kept and delivered only.
async function many(client) {
  const [publishers, each] = [50, 200];
  const live = await client.subscribe("many");
  const work = Array.from({ length: publishers }, async (_, publisher) => {
    for (let number = 0; number < each; number++) {
      await client.publish("many", `${publisher} ${number}`, (publisher % 2) * A_WHILE);
    }
  });
  const next = new Array(publishers).fill(0);
  for (let message = 0; message < publishers * each; message++) {
    const [publisher, number] = (await live.next()).split(" ").map(Number);
    equal("each publisher's own order", number, next[publisher]++);
  }
  await Promise.all(work);
}

const traffic = { messages, errors, limit, keepalive, cancel, deadline, slow, many };
const scenarios = { ...traffic, ...faults, ...owners };
const definition = load("old.proto", new URL("..", import.meta.url).pathname);

const [address, name] = process.argv.slice(2);
const client = new OldClient(definition, address, name === "keepalive" ? KEEPALIVE : {});
await scenarios[name](client);
client.close();
// Nothing that is still under way holds this program.
process.exit(0);
