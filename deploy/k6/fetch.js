// Fetch calls of messages that the script published first:
//
//     STORED=1000 k6 run deploy/k6/fetch.js
//
// Checks that each fetched message is the one published, and that one that never was is not found.
import exec from 'k6/execution';
import * as broker from './broker.js';

const STORED = Number(__ENV.STORED || 1000);

const client = broker.newClient();
let connected = false;

broker.needsTtl();
export const options = broker.options(['grpc_req_duration{call:Fetch}']);

export function setup() {
  const { run } = broker.begin(client);
  const subject = `k6.${run}`;
  const ids = [];
  for (let count = 0; count < STORED; count += 1) {
    const answer = broker.call(client, 'Publish', broker.message(subject, broker.body(run, 0, count)));
    ids.push(answer === null ? 0 : broker.acknowledged(answer));
  }
  if (!ids.some((id) => id > 0)) {
    exec.test.abort('Nothing was stored that could be fetched.');
  }
  return { run, subject, ids };
}

export default broker.guarded(({ run, subject, ids }) => {
  if (!connected) {
    broker.connect(client);
    connected = true;
    absent(subject, ids);
  }
  const count = Math.floor(Math.random() * ids.length);
  if (ids[count] > 0) {
    broker.fetchBack(client, subject, ids[count], broker.body(run, 0, count));
  }
});

function absent(subject, ids) {
  const id = ids[ids.length - 1] + 1000000;
  const answer = client.invoke('broker.Broker/Fetch', { subject, id });
  const refused = answer.error !== null && broker.reason(answer.error) === 'MESSAGE_NOT_FOUND';
  broker.expect('what was never published is not found', refused, broker.show(answer));
}
