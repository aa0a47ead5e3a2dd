// Subscriptions: again and again, messages to a new subject with subscribers who listen, and one who comes late:
//
//     SUBSCRIBERS=5 BATCH=100 k6 run deploy/k6/subscribe.js
//
// Checks that each of them gets everything that was acknowledged, in the order of the ids, once, and as it was.
import exec from 'k6/execution';
import { Counter, Trend } from 'k6/metrics';
import * as broker from './broker.js';
import { Reader } from './reader.js';

const BATCH = Number(__ENV.BATCH || 100);

const publisher = broker.newClient();
const subscriber = broker.newClient();
const delivered = new Counter('broker_delivered');
const delivery = new Trend('broker_delivery', true);
let connected = false;

broker.needsTtl();
export const options = broker.options(
  ['grpc_req_duration{call:Publish}', 'broker_delivery'],
  { load: broker.repeated('default', BATCH) },
);
options.thresholds.broker_delivered = ['count>0'];

export function setup() {
  return broker.begin(publisher);
}

export default broker.guarded(async ({ run }) => {
  if (!connected) {
    broker.connect(publisher);
    connected = true;
  }
  const name = `${exec.vu.idInTest}.${exec.vu.iterationInScenario}`;
  const subject = `k6.${run}.${name}`;
  // A connection of its own: only its end ends subscriptions.
  broker.connect(subscriber);
  try {
    const sent = {};
    // Who was refused by a limit came later than the messages.
    const arrived = (message, { refused }) => {
      if (!refused) {
        delivery.add(Date.now() - sent[broker.read(message.body).count]);
      }
    };
    const readers = [];
    for (let count = 0; count < broker.settings.subscribers; count += 1) {
      readers.push(new Reader(subscriber, subject, arrived));
    }
    const published = await publish(run, subject, name, sent);
    readers.push(new Reader(subscriber, subject));
    const last = Math.max(0, ...published.ids.keys());
    await Promise.all(readers.map((reader) => reader.until(last)));
    readers.forEach((reader) => reader.finish());
    readers.forEach((reader) => audit(reader, subject, published));
  } finally {
    subscriber.close();
  }
});

// Publishes one message after the other; the acknowledged bodies by their ids, and whether the outcome of some is
// not known.
async function publish(run, subject, name, sent) {
  const ids = new Map();
  let doubtful = false;
  for (let count = 0; count < BATCH; count += 1) {
    const message = broker.message(subject, broker.body(run, name, count));
    sent[count] = Date.now();
    const answer = await broker.callBeside(publisher, 'Publish', message);
    if (answer === null) {
      doubtful = true;
      continue;
    }
    const id = broker.acknowledged(answer);
    broker.expect('no id is given twice', !ids.has(id), id);
    ids.set(id, message.body);
  }
  return { ids, doubtful };
}

function audit(reader, subject, { ids, doubtful }) {
  const got = reader.messages.map((message) => Object.assign(message, { id: Number(message.id || 0) }));
  delivered.add(got.length);
  const seen = new Set(got.map((message) => message.id));
  const missing = [...ids.keys()].filter((id) => !seen.has(id));
  const fallen = got.find((message, at) => at > 0 && message.id <= got[at - 1].id);
  const other = got.find((message) => ids.has(message.id) && ids.get(message.id) !== message.body);
  const strange = got.find((message) => !ids.has(message.id) && !doubtful);
  const elsewhere = got.find((message) => message.subject !== subject);
  const { expect, show } = broker;
  expect('nothing acknowledged is missing', missing.length === 0, subject, missing.length, 'ids:', missing.slice(0, 5));
  expect('nothing comes twice', seen.size === got.length, subject, got.length - seen.size, 'too many');
  expect('messages come in the order of their ids', !fallen, subject, show(fallen || null));
  expect('a delivered body is the one published', !other, subject, show(other || null));
  expect('nothing comes that was not published', !strange && !elsewhere, subject, show(strange || elsewhere || null));
}
