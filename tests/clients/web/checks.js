// What @connectrpc/connect-web must be able to do, in Node as in a browser. What is wrong is thrown.

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { Broker, Durability } from "./broker_pb.js";
import { ErrorInfoSchema, RetryInfoSchema } from "./google/rpc/error_details_pb.js";

const PATIENCE = { timeoutMs: 100_000 };

const bytes = (text) => new TextEncoder().encode(text);
const text = (bytes) => new TextDecoder().decode(bytes);

export function equal(what, got, wanted) {
  if (got !== wanted) throw new Error(`${what}: got ${got}, wanted ${wanted}`);
}

function connect(baseUrl) {
  return createClient(Broker, createGrpcWebTransport({ baseUrl }));
}

// Every call that gRPC-Web can make, and an error with its details.
export async function works(baseUrl) {
  const broker = connect(baseUrl);
  const publish = (body, lifetime) =>
    broker.publish({ subject: "web", body: bytes(body), ...lifetime }, PATIENCE);
  const kept = await publish("kept 1", { keep: true, headers: { k: "v" } });
  equal("first id", kept.id, 1n);
  equal("durability", kept.durability, Durability.DISK);
  equal("second id", (await publish("kept 2", { expirationSeconds: 600 })).id, 2n);

  const fetched = await broker.fetch({ subject: "web", id: 1n }, PATIENCE);
  equal("fetched", text(fetched.body), "kept 1");
  equal("its header", fetched.headers.k, "v");
  await subscribes(broker, publish);
  await fails(broker);
}

async function subscribes(broker, publish) {
  const end = new AbortController();
  const stream = broker.subscribe({ subject: "web" }, { ...PATIENCE, signal: end.signal });
  const messages = stream[Symbol.asyncIterator]();
  const next = async () => text((await messages.next()).value.body);
  equal("history", await next(), "kept 1");
  equal("history", await next(), "kept 2");
  for (let number = 0; number < 100; number++) {
    await publish(`live ${number}`, number % 2 ? { keep: true } : {});
    equal("live", await next(), `live ${number}`);
  }
  end.abort();
  const ended = await error(() => messages.next());
  equal("aborted", ended.code, Code.Canceled);
  const [resumed] = await collect(broker.subscribe({ subject: "web", afterId: 51n }, PATIENCE), 1);
  equal("resumed", text(resumed.body), "live 99");
}

async function collect(stream, count) {
  const messages = [];
  for await (const message of stream) {
    if (messages.push(message) === count) return messages;
  }
  throw new Error(`the stream ended after ${messages.length} messages`);
}

async function fails(broker) {
  const ahead = () => broker.subscribe({ subject: "web", afterId: 99n }, PATIENCE);
  const refusals = [
    ["MESSAGE_NOT_FOUND", () => broker.fetch({ subject: "web", id: 99n }, PATIENCE), Code.InvalidArgument],
    ["INVALID_SUBJECT", () => broker.publish({ subject: "" }, PATIENCE), Code.InvalidArgument],
    ["RESUME_AHEAD", () => collect(ahead(), 1), Code.OutOfRange],
  ];
  for (const [reason, call, code] of refusals) {
    const failed = await error(call);
    equal(`${reason}: code`, failed.code, code);
    const [info] = failed.findDetails(ErrorInfoSchema);
    equal(`${reason}: reason`, info?.reason, reason);
    equal(`${reason}: domain`, info.domain, "broker");
    equal(`${reason}: no time to wait`, failed.findDetails(RetryInfoSchema).length, 0);
  }
}

// A page that the broker does not list gets nothing: no answer, no reason, and nothing is published.
export async function refused(baseUrl) {
  const broker = connect(baseUrl);
  const calls = {
    publish: () => broker.publish({ subject: "refused", keep: true }, PATIENCE),
    fetch: () => broker.fetch({ subject: "refused", id: 1n }, PATIENCE),
    subscribe: () => collect(broker.subscribe({ subject: "refused" }, PATIENCE), 1),
  };
  for (const [name, call] of Object.entries(calls)) {
    const failed = await error(call);
    equal(`${name}: code`, failed.code, Code.Unknown);
    equal(`${name}: details`, failed.findDetails(ErrorInfoSchema).length, 0);
  }
  await simplePost(baseUrl);
}

// A request that a browser sends without asking first: a frame of `subject: "refused", keep: true`.
async function simplePost(baseUrl) {
  const message = [0x0a, 7, ...bytes("refused"), 0x28, 1];
  const body = new Uint8Array([0, 0, 0, 0, message.length, ...message]);
  const answer = await fetch(`${baseUrl}/broker.Broker/Publish`, { method: "POST", mode: "no-cors", body });
  equal("an opaque answer", answer.type, "opaque");
}

// Asked by a program, which is let in.
export async function nothingWasPublished(baseUrl) {
  const failed = await error(() => connect(baseUrl).fetch({ subject: "refused", id: 1n }, PATIENCE));
  equal("the first id", failed.findDetails(ErrorInfoSchema)[0]?.reason, "MESSAGE_NOT_FOUND");
}

async function error(call) {
  try {
    await call();
  } catch (thrown) {
    return ConnectError.from(thrown);
  }
  throw new Error(`${call} succeeded`);
}
