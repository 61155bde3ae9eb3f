/**
 * node:net with four bytes of length before each message, without a checksum, limits or a queue.
 * Small messages are copied after their length. Large ones follow it in one corked write (Node's documentation of writable.cork()).
 */
import type { Socket } from 'node:net';
import type { Link, MessageHandler, Payload, Peer } from '../peer.js';
import { connectTo, drained, listen, nodeAvailable, pauseWhile } from './tcp.js';

const prefixBytes = 4;
const copiedBytes = 4096;

/** Splits chunks into messages. */
class Splitter {
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;

  push(chunk: Buffer, deliver: (message: Buffer) => void): void {
    let rest = chunk;
    if (this.#bufferedBytes > 0) {
      this.#chunks.push(chunk);
      this.#bufferedBytes += chunk.length;
      if (this.#bufferedBytes < prefixBytes || this.#bufferedBytes < this.#expectedBytes()) return;
      rest = Buffer.concat(this.#chunks);
    }
    let at = 0;
    while (rest.length - at >= prefixBytes) {
      const end = at + prefixBytes + rest.readUInt32LE(at);
      if (end > rest.length) break;
      deliver(rest.subarray(at + prefixBytes, end));
      at = end;
    }
    this.#chunks = at < rest.length ? [rest.subarray(at)] : [];
    this.#bufferedBytes = rest.length - at;
  }

  /** The size of the incoming message, with its prefix. */
  #expectedBytes(): number {
    const [first] = this.#chunks;
    if (first === undefined || first.length < prefixBytes) this.#chunks = [Buffer.concat(this.#chunks)];
    return prefixBytes + (this.#chunks[0]?.readUInt32LE(0) ?? 0);
  }
}

class PrefixedLink implements Link {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  send({ bytes }: Payload, count: number): Promise<void> | undefined {
    this.#socket.cork();
    for (let sent = 0; sent < count; sent++) this.#write(bytes);
    this.#socket.uncork();
    return drained(this.#socket);
  }

  receive(handler: MessageHandler): void {
    const splitter = new Splitter();
    const deliver = (message: Buffer) => pauseWhile(this.#socket, handler(message.length));
    this.#socket.on('data', (chunk: Buffer) => splitter.push(chunk, deliver));
  }

  #write(bytes: Buffer): void {
    const copied = bytes.length <= copiedBytes;
    const start = Buffer.allocUnsafe(prefixBytes + (copied ? bytes.length : 0));
    start.writeUInt32LE(bytes.length);
    if (copied) start.set(bytes, prefixBytes);
    this.#socket.write(start);
    if (!copied) this.#socket.write(bytes);
  }
}

const lengthPrefix: Peer = {
  name: 'length-prefix',
  kinds: ['one-way', 'round-trip', 'acknowledged', 'idle', 'broadcast', 'slow-reader', 'burst'],
  available: nodeAvailable,
  server: async (_, accept) => ({ address: await listen((socket) => accept(new PrefixedLink(socket))) }),
  client: async (_, address) => new PrefixedLink(await connectTo(address)),
};

export const peers: readonly Peer[] = [lengthPrefix];
