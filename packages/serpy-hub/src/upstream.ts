/** What clients of a hub send. Only this file decides what of it reaches an instrument: requests, if the program that serves allows them. */
import type { PortableConnection, PortableValue } from 'serpy';
import { NotConnectedError, OptionError } from 'serpy-core';
import type { Source } from './source.js';

/** Reads and counts the messages of a client, so that they do not fill its queue. */
export async function ignoreMessages(client: PortableConnection, onIgnored: () => void): Promise<void> {
  for await (const _ of client.messages()) onIgnored();
}

/** Sends the requests of all clients of a source to its instrument one at a time. The answer goes to the client that asked. */
export class Upstream {
  readonly #source: () => Source | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param source undefined if there is not exactly one */
  constructor(source: () => Source | undefined) {
    this.#source = source;
  }

  answer(client: PortableConnection): void {
    client.onRequest((value) => this.#ask(value as PortableValue) as Promise<PortableValue>);
  }

  #ask(value: PortableValue): Promise<unknown> {
    const answer = this.#last.then(() => this.#connection().request(value));
    this.#last = answer.catch(() => {}); // the next one does not depend on it
    return answer;
  }

  #connection(): PortableConnection {
    const source = this.#source();
    if (!source)
      throw new OptionError('requests need a server for one source: give the server consumers.sources with one name');
    const { connection } = source;
    if (!connection?.isConnected())
      throw new NotConnectedError(`the instrument '${source.name}' is not connected: try again later`);
    return connection;
  }
}
