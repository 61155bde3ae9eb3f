/** Accepted connections that wait for `getConnection`. */
import { expect, test } from 'vitest';
import { AcceptQueue } from '../../src/server/accept-queue.js';
import { systemEnvironment } from '../../src/system-environment.js';

class Accepted {
  state = 'connected';
  readonly name: string;
  readonly #hasData: boolean;

  constructor(name: string, hasData: boolean) {
    this.name = name;
    this.#hasData = hasData;
  }

  isDataAvailable(): boolean {
    return this.#hasData;
  }
}

function queueOf(...connections: Accepted[]): AcceptQueue<Accepted> {
  const queue = new AcceptQueue<Accepted>(2, systemEnvironment.clock);
  for (const connection of connections) queue.push({ connection, sizeBytes: 0 });
  return queue;
}

function close(queue: AcceptQueue<Accepted>, connection: Accepted): void {
  connection.state = 'closed';
  queue.connectionClosed(connection);
}

const names = (queue: AcceptQueue<Accepted>) => queue.items().map(({ connection }) => connection.name);

test('a connection that closed without messages leaves the queue', () => {
  const [a, b] = [new Accepted('a', false), new Accepted('b', false)];
  const queue = queueOf(a, b);
  close(queue, a);
  expect(names(queue)).toEqual(['b']);
});

test('closed connections with messages stay, the newest of them up to the bound', () => {
  const all = ['a', 'b', 'c', 'd'].map((name) => new Accepted(name, true));
  const open = new Accepted('open', true);
  const queue = queueOf(open, ...all);
  for (const connection of all) close(queue, connection);
  expect(names(queue)).toEqual(['open', 'c', 'd']);
});
