// Judges what the broker answered. What is wrong ends the program with a line that says what was
// asked, what came and what was wanted.

import { createInterface } from "node:readline";
import protoLoader from "@grpc/proto-loader";

const PROTOS = new URL("../../../crates/proto/proto/", import.meta.url).pathname;

// Fields keep their names of the proto file. int64 as text: a number of JavaScript is exact up to
// 2^53 only.
const AS_WRITTEN = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };

export function load(file, folder = PROTOS) {
  return protoLoader.loadSync(file, { ...AS_WRITTEN, includeDirs: [folder] });
}

const google = load(["google/rpc/status.proto", "google/rpc/error_details.proto"]);

// Reasons that come with a time after which to try again, and no others do.
const RETRYABLE = ["BROKER_CLOSING", "STANDBY", "STORAGE_UNAVAILABLE", "OVERLOADED"];

export function fail(words) {
  process.stdout.write(`FAILED: ${words}\n`, () => process.exit(1));
  throw new Error(words);
}

export function equal(what, got, wanted) {
  const [was, should] = [got, wanted].map((value) => String(JSON.stringify(value)));
  if (was !== should) fail(`${what}: got ${was.slice(0, 200)}, wanted ${should.slice(0, 200)}`);
}

// Demands an error with this code and reason (undefined: one without the broker's details) and gives
// what it says beside them.
export async function refused(what, call, code, reason) {
  let error;
  try {
    await call();
  } catch (thrown) {
    error = thrown;
  }
  if (error === undefined) fail(`${what}: succeeded, wanted code ${code}`);
  return judge(what, error, code, reason);
}

export function judge(what, error, code, reason) {
  equal(`${what}: code`, error.code, code);
  const { ErrorInfo: info, RetryInfo: retry } = details(error);
  equal(`${what}: reason`, info?.reason, reason);
  if (reason === undefined) return {};
  equal(`${what}: domain`, info.domain, "broker");
  const { seconds = 0, nanos = 0 } = retry?.retry_delay ?? {};
  const asked = Number(seconds) + nanos > 0;
  equal(`${what}: asks to be tried again`, asked, RETRYABLE.includes(reason));
  return info.metadata;
}

function details(error) {
  const [bytes] = error.metadata?.get("grpc-status-details-bin") ?? [];
  const found = {};
  if (bytes === undefined) return found;
  for (const { type_url, value } of google["google.rpc.Status"].deserialize(bytes).details) {
    const name = type_url.split("/").pop();
    found[name.split(".").pop()] = google[name]?.deserialize(value);
  }
  return found;
}

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// Tells the test how far this program is, and waits until the test has done its part.
export async function pause(reached) {
  console.log(reached);
  if ((await input.next()).done) fail("the test went away");
}
