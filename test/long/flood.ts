/** The floods of a server. Each costs the client almost nothing, and the server as much as possible. */
import { type Socket, connect as tcpConnect } from 'node:net';
import { frame } from '../../packages/serpy-v2/test/oracle.js';
import { record } from '../../packages/serpy-v2/test/reliable/wire.js';
import { ack, data, hello, ping } from '../fuzz/session-seeds.js';

export interface Flood {
  readonly name: string;
  /** The protocol of the server. */
  readonly protocol: 'v1' | 'v2';
  /** Sent once, and answered before the flood starts. */
  readonly first?: Buffer;
  /** Sent repeatedly. */
  readonly again: Buffer;
}

const damaged = Buffer.from(frame(0x81, Buffer.alloc(0)));
damaged.writeUInt32LE(1, 6);

const text = Buffer.from('hello');

export const floods: readonly Flood[] = [
  { name: 'v2: messages with a wrong checksum', protocol: 'v2', again: damaged },
  { name: 'v1: acknowledgements without a message', protocol: 'v1', again: Buffer.from('\x01ACKEOT!!\x1f', 'latin1') },
  { name: 'v1: answers without a change of mode', protocol: 'v1', again: Buffer.from('\x01ACKMODCG\x1f', 'latin1') },
  { name: 'v1: empty blocks', protocol: 'v1', again: Buffer.from([0x1f]) },
  { name: 'v1: changes of mode', protocol: 'v1', again: Buffer.from('\x01SETMODE0\x1f', 'latin1') },
  { name: 'session: PING', protocol: 'v2', first: hello, again: ping },
  { name: 'session: ACK', protocol: 'v2', first: hello, again: ack(0) },
  { name: 'session: records of no bytes', protocol: 'v2', first: hello, again: data(0, Buffer.alloc(0)) },
  { name: 'session: records that are skipped', protocol: 'v2', first: hello, again: record(0x33, text) },
];

const chunkBytes = 256 * 1024;

/** Floods a server until it is stopped, over one link after another. */
export class Flooder {
  readonly #flood: Flood;
  readonly #port: number;
  readonly #chunk: Buffer;
  #socket: Socket | undefined;
  #over = false;
  /** The number of links that the server closed. */
  ended = 0;

  constructor(flood: Flood, port: number) {
    this.#flood = flood;
    this.#port = port;
    const { again } = flood;
    this.#chunk = Buffer.alloc(Math.ceil(chunkBytes / again.length) * again.length, again);
    void this.#run();
  }

  stop(): void {
    this.#over = true;
    this.#socket?.destroy();
  }

  async #run(): Promise<void> {
    while (!this.#over) {
      const socket = tcpConnect({ host: '127.0.0.1', port: this.#port });
      this.#socket = socket;
      socket.on('error', () => {});
      const closed = new Promise((resolve) => socket.once('close', resolve));
      let begun = this.#flood.first === undefined;
      const pour = () => {
        while (begun && !socket.destroyed && socket.write(this.#chunk));
      };
      socket.on('connect', () => {
        if (this.#flood.first) socket.write(this.#flood.first);
        pour();
      });
      socket.on('drain', pour);
      socket.on('data', () => {
        if (begun) return;
        begun = true;
        pour();
      });
      await closed;
      this.ended++;
    }
  }
}
