// What the scripts of this folder share: settings, calls, and checks that fail.
//
// Every setting is a variable of the environment; docs/load-testing.md lists them. By default a run is over after
// 30 seconds or 100,000 messages, and what it published is gone some minutes later.
import encoding from 'k6/encoding';
import exec from 'k6/execution';
import { check } from 'k6';
import { Counter, Rate } from 'k6/metrics';
import grpc from 'k6/net/grpc';

const DELIVERED = 'DELIVERED';
const OUTLIVES = 120;
// Of a kind, from a virtual user.
const MOST_COMPLAINTS = 5;
const complaints = {};

const seconds = asSeconds(text('DURATION', '30s'));

export const settings = {
  broker: text('BROKER', '127.0.0.1:8080'),
  vus: number('VUS', 10),
  duration: seconds,
  messages: number('MESSAGES', 100000),
  rate: number('RATE', 0),
  size: number('SIZE', 100),
  // Long enough to be read until the run ends.
  ttl: number('TTL', seconds + OUTLIVES),
  durability: text('DURABILITY', ''),
  subscribers: number('SUBSCRIBERS', 2),
  subjects: number('SUBJECTS', 4),
  timeout: asSeconds(text('TIMEOUT', '15s')),
  errors: number('ERRORS', 0),
  dropped: number('DROPPED', 0.01),
  p99: number('P99', 5000),
  limited: number('LIMITED', 0) > 0,
};

// The proto file is read, not asked for by reflection: that works before there is a broker (k6 then says what is
// wrong in words of ours), costs no call behind a rate limit, and shows that clients need no reflection.
const proto = text('PROTO', '../../crates/proto/proto');

// Without the calls that a limit refused, where that is expected.
const callsFailed = new Rate('broker_calls_failed');
const limited = new Counter('broker_calls_limited');
const verified = new Counter('broker_verified');

const codes = ['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS',
  'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED',
  'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED'];
const reasons = ['BROKER_CLOSING', 'STANDBY', 'STORAGE_UNAVAILABLE', 'OVERLOADED', 'OUTCOME_UNKNOWN', 'MESSAGE_EXPIRED',
  'MESSAGE_NOT_FOUND', 'INVALID_SUBJECT', 'INVALID_EXPIRATION', 'MESSAGE_TOO_LARGE', 'RESUME_AHEAD', 'MESSAGE_DAMAGED'];

// k6 knows only metrics that are there before the run, and shows only those that something was added to.
const failed = {};
for (const name of codes.concat(reasons)) {
  failed[name] = new Counter(`broker_failed_${name}`);
}

// A client that knows the broker's proto file. It may be made only where a script begins.
export function newClient() {
  const client = new grpc.Client();
  // With the details, the reason of an error can be read.
  client.load([proto], 'broker.proto', 'google/rpc/error_details.proto');
  return client;
}

export function connect(client) {
  client.connect(settings.broker, { plaintext: true, timeout: `${settings.timeout}s` });
}

// Options of a script in which every virtual user repeats one thing. `latencies` are the calls whose 99th percentile
// must be good.
export function options(latencies, scenarios = { load: repeated() }) {
  const thresholds = {
    // k6 calls "every check passed" true of no check at all, so there must have been some.
    checks: ['rate==1'],
    broker_verified: ['count>0'],
    // What was acknowledged must be right, however many calls may fail.
    broker_calls_failed: [`rate<=${settings.errors}`],
  };
  for (const latency of latencies) {
    thresholds[latency] = [`p(99)<${settings.p99}`];
  }
  if (settings.rate > 0) {
    // A load that was not made was not borne.
    const most = Math.floor(settings.rate * settings.duration * settings.dropped);
    thresholds.dropped_iterations = [`count<=${most}`];
  }
  return { scenarios, thresholds, setupTimeout: '5m', summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'] };
}

// One thing again and again: as fast as it goes (closed loop), or so often a second (open loop). `messages` is how
// many of them one time is.
export function repeated(run = 'default', messages = 1) {
  const end = { gracefulStop: `${settings.timeout + 5}s`, exec: run };
  if (settings.rate > 0) {
    return Object.assign(end, {
      executor: 'constant-arrival-rate',
      rate: settings.rate,
      timeUnit: `${messages}s`,
      duration: `${settings.duration}s`,
      preAllocatedVUs: settings.vus,
      maxVUs: settings.vus * 4,
    });
  }
  return Object.assign(end, {
    executor: 'shared-iterations',
    vus: settings.vus,
    iterations: Math.max(Math.ceil(settings.messages / messages), settings.vus),
    maxDuration: `${settings.duration}s`,
  });
}

// Ends the run before it begins if the broker does not take a message; gives what all virtual users must know.
export function begin(client) {
  const run = `${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`;
  let why;
  try {
    connect(client);
    const answer = client.invoke('broker.Broker/Publish', { subject: `k6.${run}` }, params('Publish'));
    const takes = isOk(answer) || isLimited(answer.error);
    why = takes ? null : `it answers ${describe(answer.error)}`;
  } catch (error) {
    why = `${error}`;
  }
  if (why !== null) {
    exec.test.abort(`No broker serves at ${settings.broker}: ${why}`);
  }
  return { run };
}

// An iteration in which an exception is a failure: k6 alone would only log it.
export function guarded(iteration) {
  return (shared) => guard(() => iteration(shared));
}

// Work in which an exception is a failure.
export async function guard(work) {
  try {
    await work();
  } catch (error) {
    expect('the script runs to its end', false, error);
  }
}

// A check that counts, and says what is wrong.
export function expect(what, holds, ...details) {
  verified.add(1);
  if (!check(null, { [what]: () => holds })) {
    complain(`Not so: ${what}`, ...details);
  }
}

// Says it, but for a flood of it.
function complain(kind, ...details) {
  complaints[kind] = (complaints[kind] || 0) + 1;
  if (complaints[kind] <= MOST_COMPLAINTS) {
    console.error(`${kind}. ${details.join(' ')}`);
  }
}

// Makes a call. Its answer, or null: then it is counted why.
export function call(client, method, request) {
  return judged(method, client.invoke(`broker.Broker/${method}`, request, params(method)));
}

// The same, while streams of this virtual user go on.
export async function callBeside(client, method, request) {
  return judged(method, await client.asyncInvoke(`broker.Broker/${method}`, request, params(method)));
}

function params(method) {
  return { timeout: `${settings.timeout}s`, tags: { call: method } };
}

function judged(method, answer) {
  if (!isOk(answer)) {
    failedCall(method, answer.error);
    return null;
  }
  callsFailed.add(false);
  return answer.message;
}

function isOk(answer) {
  return nameOf(answer.status) === 'OK';
}

function isLimited(error) {
  return settings.limited && nameOf(error.code) === 'RESOURCE_EXHAUSTED';
}

// A code may be a number or a value of Go that only looks like one.
function nameOf(code) {
  return codes[Number(JSON.stringify(code))] || `${code}`;
}

// Counts a call that failed. True if a limit refused it, where that is expected.
export function failedCall(method, error) {
  if (isLimited(error)) {
    limited.add(1);
    return true;
  }
  callsFailed.add(true);
  for (const name of [nameOf(error.code), reason(error)].filter((name) => failed[name])) {
    failed[name].add(1, { call: method });
  }
  complain(`${method} failed: ${nameOf(error.code)} ${reason(error)}`, error.message);
  return false;
}

export function reason(error) {
  const info = (error.details || []).find((detail) => detail.reason);
  return info ? info.reason : '';
}

function describe(error) {
  return `${nameOf(error.code)} ${reason(error)} ${error.message}`;
}

// A message of this run, to be kept for a while; with the TTL 0 it is delivered only.
export function message(subject, body, ttl = settings.ttl) {
  return { subject, body: encoding.b64encode(body), expirationSeconds: ttl };
}

// A body that says what it is, and is as long as wanted.
export function body(run, publisher, count) {
  const head = `${run} ${publisher} ${count} `;
  return head.padEnd(settings.size, 'the quick brown fox jumps over the lazy dog ');
}

// What a body says of itself, and whether all of it is as it was.
export function read(encoded) {
  const all = decode(encoded);
  const [run, publisher, count] = all.split(' ');
  return { run, publisher, count: Number(count), whole: all === body(run, publisher, count) };
}

// What every acknowledgement must say; the message's id.
export function acknowledged(answer, ttl = settings.ttl) {
  const id = Number(answer.id);
  if (ttl === 0) {
    expect('what is delivered only has the id 0', id === 0 && answer.durability === DELIVERED, show(answer));
    return id;
  }
  expect('a kept message has an id above 0', id > 0, show(answer));
  const durable = settings.durability ? answer.durability === settings.durability : answer.durability !== DELIVERED;
  expect('a kept message is as durable as expected', durable, show(answer));
  return id;
}

// Fetches a message that was acknowledged, and looks at it.
export function fetchBack(client, subject, id, wanted) {
  const got = call(client, 'Fetch', { subject, id });
  if (got !== null) {
    const named = Number(got.id) === id && got.subject === subject;
    expect('a fetched message has the id and the subject asked for', named, id, show(got));
    expect('a fetched body is the one published', decode(got.body) === wanted, id, show(got));
  }
}

// What is kept is looked at afterwards, so it must be kept.
export function needsTtl() {
  if (settings.ttl === 0) {
    throw new Error('TTL=0 is for publish.js alone: what this script publishes is read afterwards.');
  }
}

function decode(encoded) {
  return encoding.b64decode(encoded, 'std', 's');
}

export function show(answer) {
  return JSON.stringify(answer).slice(0, 300);
}

function text(name, usual) {
  return __ENV[name] || usual;
}

function number(name, usual) {
  const value = Number(text(name, usual));
  if (!(value >= 0)) {
    throw new Error(`${name} must be a number, 0 or above.`);
  }
  return value;
}

// 90, 90s, 2m or 1h.
function asSeconds(value) {
  const [, count, unit] = /^(\d+)([smh]?)$/.exec(value) || [];
  if (!(count > 0)) {
    throw new Error(`${value} is no duration: give 30s, 5m or 1h.`);
  }
  return Number(count) * { s: 1, m: 60, h: 3600 }[unit || 's'];
}
