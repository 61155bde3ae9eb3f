/** Measures the memory that a connection holds for a hostile peer in the same process, and computes the limit. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Memory allowed besides everything that has a limit. */
const slackBytes = MiB;

/** Memory of a waiting message besides its bytes. */
export const besidesBytes = 256;

/** Memory of a stream that is open or waits for getStream. */
const streamBytes = 2 * KiB;

/** The limits of the connections in these tests: small, so that an excess is visible. */
export const limits = {
  maxMessageBytes: 256 * KiB,
  receiveQueue: { maxMessages: 300, maxBytes: 256 * KiB },
  sendQueue: { maxMessages: 100, maxBytes: 256 * KiB },
  maxOpenStreams: 50,
  closeTimeoutMs: 1,
} as const;

export const replayQueue = { maxMessages: 100, maxBytes: 256 * KiB } as const;

/** Two fixed limits: answers to a peer that does not read, and bytes that were written to a socket and have not left. */
const [mostAnswerBytes, highWaterBytes] = [MiB, MiB];

/** The rule of docs/limits.md for these limits. */
export function mostHeldBytes(): number {
  const { maxMessageBytes, receiveQueue, sendQueue, maxOpenStreams } = limits;
  let bytes = slackBytes;
  for (const { maxMessages, maxBytes } of [receiveQueue, sendQueue, replayQueue]) {
    bytes += 2 * maxBytes + maxMessageBytes + maxMessages * besidesBytes;
  }
  bytes += (maxMessageBytes * 5) / 4; // a partial message; in v1 as base85
  bytes += 2 * maxOpenStreams * streamBytes;
  return bytes + mostAnswerBytes + highWaterBytes;
}

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

const collect = collector();

/** The memory of this process. */
export async function weight(): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise(setImmediate);
    collect();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Waits for a condition, checked in every turn. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}

/** The counts that show how much of a peer's data was read. */
interface Listener {
  stats(): { readonly bytesReceived: number };
  readonly state: string;
}

/** Waits until a connection reads nothing more, whatever the peer sends. */
export async function quiet(listener: Listener): Promise<void> {
  let heard = -1;
  for (let turns = 0; turns < 50; turns++) {
    await new Promise(setImmediate);
    const { bytesReceived } = listener.stats();
    if (bytesReceived !== heard) turns = 0;
    heard = bytesReceived;
  }
}

/** The hostile end of a link over loopback, which sends any bytes. */
export class HostilePeer {
  readonly socket: Socket;
  /** The attacked connection. */
  listener: Listener | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
  }

  /** @param reads whether it reads the data of the connection */
  static async connect(port: number, reads = true): Promise<HostilePeer> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    if (reads) socket.resume();
    return new HostilePeer(socket);
  }

  /** Sends bytes, and waits until the connection has read them or is closed. */
  async say(bytes: Uint8Array, times = 1): Promise<void> {
    const { listener } = this;
    for (let n = 0; n < times; n++) {
      const heard = (listener?.stats().bytesReceived ?? 0) + bytes.length;
      this.socket.write(bytes);
      if (listener) await until(() => listener.state !== 'connected' || listener.stats().bytesReceived >= heard);
    }
  }
}
