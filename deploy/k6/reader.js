// A subscription of a virtual user, and all that it was sent.
import grpc from 'k6/net/grpc';
import { expect, failedCall, guard, settings } from './broker.js';

export class Reader {
  // `arrived` is told of each message when it comes.
  constructor(client, subject, arrived = () => {}) {
    this.messages = [];
    this.ended = false;
    this.wanted = Infinity;
    this.wake = () => {};
    const stream = new grpc.Stream(client, 'broker.Broker/Subscribe', { tags: { call: 'Subscribe' } });
    stream.on('data', (message) => {
      this.messages.push(message);
      guard(() => arrived(message));
      this.look();
    });
    stream.on('error', (error) => {
      // Its own end is told as an error, too.
      if (!this.ended) {
        failedCall('Subscribe', error);
      }
      this.finish();
    });
    stream.on('end', () => {
      expect('a subscription goes on until its reader leaves', this.ended);
      this.finish();
    });
    stream.write({ subject });
    stream.end();
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
    const last = this.messages[this.messages.length - 1];
    if (this.ended || (last && Number(last.id) >= this.wanted)) {
      this.wake();
    }
  }
}
