// A subscription of a virtual user, and all that it was sent.
import grpc from 'k6/net/grpc';
import { expect, failedCall, guard, settings } from './broker.js';

// How long it waits before it subscribes again after a limit refused it, in milliseconds.
const PAUSE = 1000;

export class Reader {
  // `arrived` is told of each message when it comes, and of the reader.
  constructor(client, subject, arrived = () => {}) {
    this.client = client;
    this.subject = subject;
    this.arrived = arrived;
    this.messages = [];
    this.ended = false;
    this.refused = false;
    this.wanted = Infinity;
    this.wake = () => {};
    this.open();
  }

  open() {
    const stream = new grpc.Stream(this.client, 'broker.Broker/Subscribe', { tags: { call: 'Subscribe' } });
    let failed = false;
    stream.on('data', (message) => {
      this.messages.push(message);
      guard(() => this.arrived(message, this));
      this.look();
    });
    stream.on('error', (error) => {
      failed = true;
      // Its own end is told as an error, too.
      if (!this.ended) {
        this.fail(error);
      }
    });
    stream.on('end', () => {
      if (!failed) {
        expect('a subscription goes on until its reader leaves', this.ended);
        this.finish();
      }
    });
    stream.write({ subject: this.subject, after_id: this.last() });
    stream.end();
  }

  fail(error) {
    this.refused = failedCall('Subscribe', error);
    if (this.refused) {
      setTimeout(() => this.ended || guard(() => this.open()), PAUSE);
    } else {
      this.finish();
    }
  }

  // Waits until a message with this id, or one above it, is there, but not for ever.
  until(id, seconds = settings.timeout) {
    this.wanted = id;
    return new Promise((resolve) => {
      const alarm = setTimeout(resolve, seconds * 1000);
      this.wake = () => {
        clearTimeout(alarm);
        resolve();
      };
      this.look();
    });
  }

  // From now on nothing of it counts. The connection's end ends it.
  finish() {
    this.ended = true;
    this.look();
  }

  look() {
    if (this.ended || this.last() >= this.wanted) {
      this.wake();
    }
  }

  // The id of the last message that is there.
  last() {
    const last = this.messages[this.messages.length - 1];
    return last ? Number(last.id) : 0;
  }
}
