// Prints one kept message.
//
//   npm install
//   node fetch.js orders 1

import { call, connect, details } from "./broker.js";

const [subject, id] = process.argv.slice(2);
if (id === undefined) throw new Error("usage: fetch.js SUBJECT ID");
const broker = connect();
try {
  // A fetch may be made again after any error.
  const message = await call(broker, "Fetch", { subject, id }, 10);
  console.log(message.body.toString());
} catch (error) {
  // The broker's own word for what went wrong; the code alone does not tell them apart.
  const reason = details(error).ErrorInfo?.reason;
  if (reason === "MESSAGE_EXPIRED") console.log("it has expired");
  else if (reason === "MESSAGE_NOT_FOUND") console.log("it was never published");
  else throw error;
}
broker.close();
