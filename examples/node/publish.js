// Publishes one message that is worth keeping for an hour.
//
//   npm install
//   node publish.js orders "one tea"

import { setTimeout as pause } from "node:timers/promises";
import { call, connect, details } from "./broker.js";

// Sends a message again only while the broker says that it is surely not stored.
async function publish(broker, request) {
  for (let attempt = 1; ; attempt++) {
    try {
      // Longer than the 10 s after which the broker itself says that it does not know.
      return await call(broker, "Publish", request, 15);
    } catch (error) {
      const delay = retryDelay(error);
      if (delay === undefined || attempt === 10) throw error;
      console.error(`trying again in ${delay} ms: ${error.details}`);
      await pause(delay);
    }
  }
}

// How many milliseconds the broker asks to wait before the same call. It says so with UNAVAILABLE and
// RESOURCE_EXHAUSTED, where nothing was stored. All else is undefined, do not send again:
// DEADLINE_EXCEEDED and a connection lost in the middle mean that the message may be stored, and
// INVALID_ARGUMENT that it will never be.
function retryDelay(error) {
  const delay = details(error).RetryInfo?.retry_delay;
  return delay && Number(delay.seconds) * 1_000 + delay.nanos / 1e6;
}

const [subject, text] = process.argv.slice(2);
if (text === undefined) throw new Error("usage: publish.js SUBJECT TEXT");
const broker = connect();
const answer = await publish(broker, {
  subject,
  body: Buffer.from(text),
  // Instead: keep: true for good, or nothing at all for who listens now.
  expiration: { seconds: 3_600 },
});
console.log(answer.id, answer.durability);
broker.close();
