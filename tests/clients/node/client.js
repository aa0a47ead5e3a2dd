// Makes calls of one service, with a deadline.

import { once } from "node:events";
import grpc from "@grpc/grpc-js";

// No call of a test takes longer, in milliseconds.
export const PATIENCE = 100_000;

export class Client {
  constructor(definition, address, options) {
    const { Broker } = grpc.loadPackageDefinition(definition).broker;
    this.stub = new Broker(address, grpc.credentials.createInsecure(), options);
  }

  unary(method, request) {
    const deadline = Date.now() + PATIENCE;
    return new Promise((resolve, reject) => {
      const answer = (error, value) => (error ? reject(error) : resolve(value));
      this.stub[method](request, { deadline }, answer);
    });
  }

  // Answers when the subscription stands, or was refused: then its first message is the refusal.
  async subscribe(request, milliseconds = 4 * PATIENCE) {
    const stream = this.stub.Subscribe(request, { deadline: Date.now() + milliseconds });
    return standing(stream);
  }

  close() {
    this.stub.close();
  }
}

export async function standing(stream) {
  const messages = stream[Symbol.asyncIterator]();
  // Asked for at once: until then the iterator hears of no error.
  let first = messages.next();
  first.catch(() => {});
  await once(stream, "metadata").catch(() => {});
  const next = async () => {
    const message = first ?? messages.next();
    first = undefined;
    return (await message).value;
  };
  return { next, cancel: () => stream.cancel() };
}
