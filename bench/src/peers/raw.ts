/**
 * node:net only: the reference for the other peers. It has no messages, only the same number of bytes.
 * Small writes are corked, as Node's documentation of writable.cork() recommends.
 */
import type { Socket } from 'node:net';
import type { Link, MessageHandler, Payload, Peer } from '../peer.js';
import { connectTo, drained, listen, nodeAvailable, pauseWhile } from './tcp.js';

/** A link over any socket: also one of node:tls. */
export class RawLink implements Link {
  readonly #socket: Socket;
  readonly #messageBytes: number;

  constructor(socket: Socket, messageBytes: number) {
    this.#socket = socket;
    this.#messageBytes = messageBytes;
  }

  send({ bytes }: Payload, count: number): Promise<void> | undefined {
    if (count > 1) this.#socket.cork();
    for (let sent = 0; sent < count; sent++) this.#socket.write(bytes);
    if (count > 1) this.#socket.uncork();
    return drained(this.#socket);
  }

  receive(handler: MessageHandler): void {
    let there = 0;
    this.#socket.on('data', (chunk: Buffer) => {
      there += chunk.length;
      for (; there >= this.#messageBytes; there -= this.#messageBytes) {
        pauseWhile(this.#socket, handler(this.#messageBytes));
      }
    });
  }
}

const raw: Peer = {
  name: 'raw',
  kinds: ['one-way', 'round-trip', 'acknowledged', 'idle', 'broadcast', 'slow-reader', 'burst', 'v1-mode'],
  available: nodeAvailable,
  server: async ({ messageBytes }, accept) => ({
    address: await listen((socket) => accept(new RawLink(socket, messageBytes))),
  }),
  client: async ({ messageBytes }, address) => new RawLink(await connectTo(address), messageBytes),
};

export const peers: readonly Peer[] = [raw];
