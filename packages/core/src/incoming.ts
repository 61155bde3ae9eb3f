/** What `for await` over a connection runs over, and what streams read from: messages as they come, until the connection is over. */
import type { Coordinator } from './coordinator.js';
import { NotConnectedError } from './errors.js';
import { noWait, type WaitOptions } from './pending.js';
import type { Received } from './protocol.js';

export class Incoming<R> implements AsyncIterableIterator<R> {
  readonly #coordinator: Coordinator;
  readonly #result: (received: Received) => IteratorResult<R>;
  readonly #wait: WaitOptions;

  constructor(coordinator: Coordinator, result: (received: Received) => IteratorResult<R>, wait: WaitOptions = noWait) {
    this.#coordinator = coordinator;
    this.#result = result;
    this.#wait = wait;
  }

  /** To wait costs one promise, as what is there does. */
  next(): Promise<IteratorResult<R>> {
    const { conversation, lifecycle } = this.#coordinator;
    const received = conversation.takeNow();
    if (received !== undefined) return Promise.resolve(this.#result(received));
    if (lifecycle.state === 'idle') return Promise.reject(notConnected('for await'));
    return conversation.take('for await', this.#wait, this.#result, ended);
  }

  return(): Promise<IteratorResult<R>> {
    return Promise.resolve(done);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const done = Object.freeze({ done: true, value: undefined });

function ended() {
  return done;
}

export function notConnected(what: string): NotConnectedError {
  return new NotConnectedError(`${what} was called before connect(): await connection.connect(host, port) first`);
}
