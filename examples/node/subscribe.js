// Prints what is kept of a subject and then what is new, and goes on after the last message when the
// connection or the broker is gone.
//
//   npm install
//   node subscribe.js orders

import { setTimeout as pause } from "node:timers/promises";
import grpc from "@grpc/grpc-js";
import { connect } from "./broker.js";

const { UNAVAILABLE, RESOURCE_EXHAUSTED, INTERNAL } = grpc.status;
// INTERNAL: a proxy between lost the broker.
const GOES_ON = [UNAVAILABLE, RESOURCE_EXHAUSTED, INTERNAL];

// The messages of a subject above an id, without end. Keep the id of the last one with your results
// if you want to go on after a restart of your program.
async function* subscribe(broker, subject, lastId = "0") {
  for (;;) {
    try {
      // A subscription has no end, so it has no deadline.
      const metadata = new grpc.Metadata({ waitForReady: true });
      // Read at once: an error that nobody listens for is lost.
      for await (const message of broker.Subscribe({ subject, after_id: lastId }, metadata)) {
        // A delivered-only message has the id 0 and can't be resumed after.
        if (message.id !== "0") lastId = message.id;
        yield message;
      }
    } catch (error) {
      // Reading again does no harm, so this is right however the stream ended. Not so with
      // OUT_OF_RANGE: this broker's store has not come as far as lastId, it is another store.
      if (!GOES_ON.includes(error.code)) throw error;
      console.error(`going on after message ${lastId}: ${error.details}`);
      await pause(1_000);
    }
  }
}

const [subject] = process.argv.slice(2);
if (subject === undefined) throw new Error("usage: subscribe.js SUBJECT");
// Notices a broker that vanished without a word.
const broker = connect({ "grpc.keepalive_time_ms": 30_000 });
for await (const message of subscribe(broker, subject)) {
  console.log(message.id, message.body.toString());
}
