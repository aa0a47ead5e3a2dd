// Connects to a broker. The proto file is read at run time: nothing is generated.

import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

// In a project of your own: where you copied broker.proto and the folder google beside it.
const PROTOS = fileURLToPath(new URL("../../crates/proto/proto", import.meta.url));

// Fields keep their names of the proto file (else after_id would be afterId, and after_id ignored).
// Ids come as text, because a number of JavaScript is exact up to 2^53 only.
const AS_WRITTEN = { keepCase: true, longs: String, enums: String, defaults: true };

const load = (file) => protoLoader.loadSync(file, { ...AS_WRITTEN, includeDirs: [PROTOS] });
const google = load(["google/rpc/status.proto", "google/rpc/error_details.proto"]);

export function connect(options = {}) {
  const { Broker } = grpc.loadPackageDefinition(load("broker.proto")).broker;
  const address = process.env.BROKER ?? "127.0.0.1:8080";
  return new Broker(address, grpc.credentials.createInsecure(), options);
}

// Makes a unary call. Waits for the connection instead of failing while there is none.
export function call(broker, method, request, seconds) {
  const options = { deadline: Date.now() + seconds * 1_000 };
  const metadata = new grpc.Metadata({ waitForReady: true });
  return new Promise((resolve, reject) => {
    const answer = (error, value) => (error ? reject(error) : resolve(value));
    broker[method](request, metadata, options, answer);
  });
}

// What the broker says of an error beside its code: ErrorInfo, RetryInfo, BadRequest, if there.
export function details(error) {
  const [bytes] = error.metadata?.get("grpc-status-details-bin") ?? [];
  const found = {};
  if (bytes === undefined) return found;
  for (const { type_url, value } of google["google.rpc.Status"].deserialize(bytes).details) {
    const name = type_url.split("/").pop();
    found[name.split(".").pop()] = google[name]?.deserialize(value);
  }
  return found;
}
