// A page that publishes, subscribes and fetches by gRPC-Web. See README.md for how to run it.

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { Broker, Durability } from "./broker_pb.js";
import { ErrorInfoSchema, RetryInfoSchema } from "./google/rpc/error_details_pb.js";

const place = (id) => document.getElementById(id);
const field = (name) => document.querySelector(`[name=${name}]`).value;
const connect = () => createClient(Broker, createGrpcWebTransport({ baseUrl: field("server") }));
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Sends a message again only while the broker says that it is surely not stored: that is when it says
// how long to wait. A DEADLINE_EXCEEDED or a connection lost in the middle says neither, and then the
// message may be stored.
async function publish(broker, request) {
  for (let attempt = 1; ; attempt++) {
    try {
      // Longer than the 10 s after which the broker itself says that it does not know.
      return await broker.publish(request, { timeoutMs: 15_000 });
    } catch (thrown) {
      const [retry] = ConnectError.from(thrown).findDetails(RetryInfoSchema);
      if (retry === undefined || attempt === 10) throw thrown;
      await pause(Number(retry.retryDelay.seconds) * 1_000 + retry.retryDelay.nanos / 1e6);
    }
  }
}

// The messages of a subject above an id, until aborted.
async function* subscribe(broker, subject, signal, lastId = 0n) {
  while (!signal.aborted) {
    try {
      for await (const message of broker.subscribe({ subject, afterId: lastId }, { signal })) {
        // A delivered-only message has the id 0 and can't be resumed after.
        if (message.id > 0n) lastId = message.id;
        yield message;
      }
    } catch (thrown) {
      if (signal.aborted) return;
      // Reading again does no harm. Browsers tell a lost connection as an unknown error without the
      // broker's details; an origin that the broker does not list looks the same to a page.
      const error = ConnectError.from(thrown);
      const known = error.findDetails(ErrorInfoSchema).length > 0;
      if (known && ![Code.Unavailable, Code.ResourceExhausted].includes(error.code)) throw error;
      say(error);
      await pause(1_000);
    }
  }
}

// The broker's own word for what went wrong, if it has one.
function say(thrown) {
  const error = ConnectError.from(thrown);
  const [info] = error.findDetails(ErrorInfoSchema);
  place("error").textContent = info ? `${info.reason}: ${error.rawMessage}` : error.message;
}

function onSubmit(form, action) {
  place(form).addEventListener("submit", (event) => {
    event.preventDefault();
    place("error").textContent = "";
    action().catch(say);
  });
}

let current = new AbortController();

onSubmit("subscribe", async () => {
  current.abort();
  current = new AbortController();
  place("messages").replaceChildren();
  for await (const message of subscribe(connect(), field("subject"), current.signal)) {
    const item = document.createElement("li");
    item.textContent = `${message.id} ${new TextDecoder().decode(message.body)}`;
    place("messages").append(item);
  }
});

onSubmit("publish", async () => {
  const { id, durability } = await publish(connect(), {
    subject: field("subject"),
    body: new TextEncoder().encode(field("text")),
    // Instead: keep: true for good, or nothing at all for who listens now.
    expiration: { seconds: 3_600n },
  });
  place("answer").textContent = `${id} ${Durability[durability]}`;
});

onSubmit("fetch", async () => {
  const request = { subject: field("subject"), id: BigInt(field("id")) };
  // A fetch may be made again after any error.
  const { body } = await connect().fetch(request, { timeoutMs: 10_000 });
  place("answer").textContent = new TextDecoder().decode(body);
});
