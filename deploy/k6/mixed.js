// All at once: of ten messages seven are kept and two delivered only, one call fetches the last that was kept, and
// subscribers listen meanwhile:
//
//     SUBJECTS=4 SUBSCRIBERS=2 k6 run deploy/k6/mixed.js
//
// Checks acknowledgements and fetched messages, and that each subscriber gets the kept messages of each publisher
// without a gap, once, in order, and as they were.
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import * as broker from './broker.js';
import { Reader } from './reader.js';

const client = broker.newClient();
const delivered = new Counter('broker_delivered');
let connected = false;

const { settings } = broker;
const reading = {
  executor: 'per-vu-iterations',
  exec: 'subscribe',
  vus: Math.max(1, settings.subjects * settings.subscribers),
  iterations: 1,
  maxDuration: `${settings.duration + settings.timeout}s`,
};
broker.needsTtl();
export const options = broker.options(
  ['grpc_req_duration{call:Publish}', 'grpc_req_duration{call:Fetch}'],
  { publish: broker.repeated('publish'), subscribe: reading },
);
options.thresholds.broker_delivered = ['count>0'];

export function setup() {
  return broker.begin(client);
}

// What a virtual user that publishes has done. A series is numbered without a gap, so it ends with a message that was
// not acknowledged.
let turn = 0;
let series = 0;
let count = 0;
let last = null;

export const publish = broker.guarded(({ run }) => {
  if (!connected) {
    broker.connect(client);
    connected = true;
  }
  const vu = exec.vu.idInTest;
  const subject = subjectOf(run, vu);
  turn = (turn + 1) % 10;
  if (turn === 0 && last !== null) {
    broker.fetchBack(client, subject, last.id, last.body);
  } else if (turn === 3 || turn === 6) {
    const answer = broker.call(client, 'Publish', broker.message(subject, broker.body(run, 'live', turn), 0));
    if (answer !== null) {
      broker.acknowledged(answer, 0);
    }
  } else {
    keep(run, subject, `${vu}.${series}`);
  }
});

function keep(run, subject, publisher) {
  const body = broker.body(run, publisher, count);
  const answer = broker.call(client, 'Publish', broker.message(subject, body));
  if (answer === null) {
    series += 1;
    count = 0;
    return;
  }
  const id = broker.acknowledged(answer);
  broker.expect('ids of a subject only grow', last === null || id > last.id, id);
  last = { id, body };
  count += 1;
}

export const subscribe = broker.guarded(async ({ run }) => {
  broker.connect(client);
  const next = {};
  let above = 0;
  const reader = new Reader(client, subjectOf(run, exec.scenario.iterationInTest), (message) => {
    above = Math.max(above, audit(message, next, above));
  });
  await reader.until(Infinity, settings.duration);
  reader.finish();
  client.close();
});

function audit(message, next, above) {
  delivered.add(1);
  const { publisher, count: got, whole } = broker.read(message.body);
  broker.expect('a delivered body is one that was published', whole, broker.show(message));
  const id = Number(message.id || 0);
  if (id === 0) {
    return above;
  }
  broker.expect('messages come in the order of their ids', id > above, `${id} after ${above}`);
  const wanted = next[publisher] || 0;
  broker.expect('nothing acknowledged is missing', got <= wanted, `${publisher}: ${got} instead of ${wanted}`);
  broker.expect('nothing comes twice', got >= wanted, `${publisher}: ${got} instead of ${wanted}`);
  next[publisher] = got + 1;
  return id;
}

function subjectOf(run, any) {
  return `k6.${run}.${any % settings.subjects}`;
}
