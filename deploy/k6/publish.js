// Publish calls, each virtual user to a subject of its own:
//
//     k6 run deploy/k6/publish.js
//
// Checks what each acknowledgement says. TTL=0 publishes what is delivered only.
import exec from 'k6/execution';
import * as broker from './broker.js';

const client = broker.newClient();
let connected = false;
let count = 0;
let last = 0;

export const options = broker.options(['grpc_req_duration{call:Publish}']);

export function setup() {
  return broker.begin(client);
}

export default broker.guarded(({ run }) => {
  if (!connected) {
    broker.connect(client);
    connected = true;
  }
  const publisher = exec.vu.idInTest;
  const message = broker.message(`k6.${run}.${publisher}`, broker.body(run, publisher, count));
  count += 1;
  const answer = broker.call(client, 'Publish', message);
  if (answer === null) {
    return;
  }
  const id = broker.acknowledged(answer);
  if (broker.settings.ttl > 0) {
    broker.expect('ids of a subject only grow', id > last, `${id} after ${last}`);
    last = id;
  }
});
