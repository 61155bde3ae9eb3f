/** A connection and a hostile peer in one process, on the scales: what the connection holds, and what it may hold. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const KiB = 1024;
const MiB = 1024 * KiB;

/** What may be held besides everything that has a limit. */
const slackBytes = MiB;

/** What a message takes that waits, besides its bytes. */
export const besidesBytes = 256;

/** What a stream takes that is open, or waits to be asked for. */
const streamBytes = 2 * KiB;

/** The limits that the connections of these tests have: small, so that what is beyond them stands out. */
export const limits = {
  maxMessageBytes: 256 * KiB,
  receiveQueue: { maxMessages: 300, maxBytes: 256 * KiB },
  sendQueue: { maxMessages: 100, maxBytes: 256 * KiB },
  maxOpenStreams: 50,
  closeTimeoutMs: 1,
} as const;

export const replayQueue = { maxMessages: 100, maxBytes: 256 * KiB } as const;

/** Two limits that no option changes: answers to a peer that does not read, and bytes handed to a socket that have not left. */
const [mostAnswerBytes, highWaterBytes] = [MiB, MiB];

/** The rule of docs/limits.md for these limits. */
export function mostHeldBytes(): number {
  const { maxMessageBytes, receiveQueue, sendQueue, maxOpenStreams } = limits;
  let bytes = slackBytes;
  for (const { maxMessages, maxBytes } of [receiveQueue, sendQueue, replayQueue]) {
    bytes += 2 * maxBytes + maxMessageBytes + maxMessages * besidesBytes;
  }
  bytes += (maxMessageBytes * 5) / 4; // one that comes in part; in v1 as base85
  bytes += 2 * maxOpenStreams * streamBytes;
  return bytes + mostAnswerBytes + highWaterBytes;
}

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

const collect = collector();

/** What this process holds now. */
export async function weight(): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise(setImmediate);
    collect();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Waits for a condition, turn by turn. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}

/** What of a connection tells how far a peer was heard. */
interface Listener {
  stats(): { readonly bytesReceived: number };
  readonly state: string;
}

/** Waits until a connection hears nothing more, whatever is said to it. */
export async function quiet(listener: Listener): Promise<void> {
  let heard = -1;
  for (let turns = 0; turns < 50; turns++) {
    await new Promise(setImmediate);
    const { bytesReceived } = listener.stats();
    if (bytesReceived !== heard) turns = 0;
    heard = bytesReceived;
  }
}

/** The hostile end of a link over loopback, which says what it likes. */
export class HostilePeer {
  readonly socket: Socket;
  /** The end that it attacks. */
  listener: Listener | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
  }

  /** @param reads whether it takes what is sent to it */
  static async dial(port: number, reads = true): Promise<HostilePeer> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    if (reads) socket.resume();
    return new HostilePeer(socket);
  }

  /** Says something and waits until it is heard, or nobody is there any more. */
  async say(bytes: Uint8Array, times = 1): Promise<void> {
    const { listener } = this;
    for (let n = 0; n < times; n++) {
      const heard = (listener?.stats().bytesReceived ?? 0) + bytes.length;
      this.socket.write(bytes);
      if (listener) await until(() => listener.state !== 'connected' || listener.stats().bytesReceived >= heard);
    }
  }
}
