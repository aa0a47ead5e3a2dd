// Tests the broker from @grpc/grpc-js with today's proto.
//
//   new.js ADDRESS SCENARIO

import grpc from "@grpc/grpc-js";
import { equal, load, refused } from "./check.js";
import { Client, standing } from "./client.js";

const { status } = grpc;

const YEARS = 3_155_760_000;

// Headers, all lifetimes, what a message says of itself, and where a subscription begins.
async function messages(client) {
  const publish = (request) => client.unary("Publish", { subject: "js", ...request });
  const kept = await publish({ body: Buffer.from("a"), keep: true, headers: { k: "v" } });
  equal("kept", kept, { id: "1", durability: "DISK" });
  const brief = await publish({ body: Buffer.from("b"), expiration: { seconds: 90, nanos: 5 } });
  equal("kept for a while", brief, { id: "2", durability: "DISK" });

  const stream = await client.subscribe({ subject: "js" });
  const [first, second] = [await stream.next(), await stream.next()];
  equal("headers", first.headers, { k: "v" });
  equal("subject", first.subject, "js");
  equal("kept for good", first.expires_at ?? null, null);
  const nanos = ({ seconds, nanos }) => BigInt(seconds) * 1_000_000_000n + BigInt(nanos);
  const lifetime = nanos(second.expires_at) - nanos(second.published_at);
  equal("lifetime", lifetime.toString(), "90000000005");
  equal("fetched", await client.unary("Fetch", { subject: "js", id: 1 }), first);

  const resumed = await client.subscribe({ subject: "js", after_id: 1 });
  equal("resumed", (await resumed.next()).id, "2");
  const fresh = await client.subscribe({ subject: "js", start: "NEW" });
  const delivered = await publish({ body: Buffer.from("c") });
  equal("delivered only", delivered, { id: "0", durability: "DELIVERED" });
  equal("new", (await fresh.next()).body.toString(), "c");
  equal("live", (await resumed.next()).body.toString(), "c");
}

async function errors(client) {
  const invalid = (what, reason, request) => {
    const call = () => client.unary("Publish", { subject: "errors", ...request });
    return refused(what, call, status.INVALID_ARGUMENT, reason);
  };
  const expiration = (seconds, nanos) => ({ expiration: { seconds, nanos } });
  await invalid("beyond 100 years", "INVALID_EXPIRATION", expiration(YEARS, 1));
  await invalid("a negative time", "INVALID_EXPIRATION", expiration(0, -1));
  await invalid("nanos of a second", "INVALID_EXPIRATION", expiration(0, 1_000_000_000));
  await invalid("two lifetimes", "INVALID_EXPIRATION", { keep: true, expirationSeconds: 1 });
  await invalid("an empty key", "INVALID_HEADER", { headers: { "": "v" } });
  await client.unary("Publish", { subject: "errors", ...expiration(YEARS, 0) });
  const ahead = await client.subscribe({ subject: "errors", after_id: 2 });
  await refused("resumed ahead", ahead.next, status.OUT_OF_RANGE, "RESUME_AHEAD");
}

// PublishStream: a bad message harms only itself, results come in the order sent.
async function stream(client) {
  const [good, bad] = [{ subject: "stream", keep: true }, { keep: true }];
  const call = client.stub.PublishStream();
  call.write({ messages: [good, bad, good] });
  for (let batch = 0; batch < 100; batch++) call.write({ messages: new Array(100).fill(good) });
  call.end();
  const results = [];
  for await (const ack of call) results.push(...ack.results);
  equal("results", results.length, 3 + 100 * 100);
  const [{ error }] = results.splice(1, 1);
  equal("the bad one's code", error.code, status.INVALID_ARGUMENT);
  equal("its details", error.details[0].type_url, "type.googleapis.com/google.rpc.ErrorInfo");
  const ids = results.map((result) => Number(result.id));
  equal("ids", ids, Array.from({ length: 10_002 }, (_, at) => at + 1));
  await tooLarge(client);
}

async function tooLarge(client) {
  const call = client.stub.PublishStream();
  const acks = await standing(call);
  call.write({ messages: new Array(65_537).fill({ subject: "batch", keep: true }) });
  await refused("65,537 messages", acks.next, status.INVALID_ARGUMENT, "BATCH_TOO_LARGE");
  const first = () => client.unary("Fetch", { subject: "batch", id: 1 });
  await refused("nothing of it", first, status.INVALID_ARGUMENT, "MESSAGE_NOT_FOUND");
}

const [address, name] = process.argv.slice(2);
const client = new Client(load("broker.proto"), address, {});
await { messages, errors, stream }[name](client);
client.close();
process.exit(0);
