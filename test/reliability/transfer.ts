/** A large transfer over real sockets whose links are cut repeatedly, and its result. */
import { once } from 'node:events';
import { DeliveryChecker } from 'serpy-core/testing';
import { FaultProxy, type Faults } from 'serpy-fault-proxy';
import { Connection, Server } from 'serpy-v2';

export interface TransferOptions {
  readonly seed: number;
  /** The number of links to cut. The rest passes without a cut. */
  readonly cuts: number;
  readonly messages: number;
  readonly messageBytes: number;
  /** The direction of the transfer. */
  readonly direction: 'up' | 'down';
  /** The key of both ends. Default: none. */
  readonly key?: string | undefined;
}

export interface TransferReport {
  readonly cuts: number;
  /** Messages that did not arrive. */
  readonly lost: number;
  /** Messages that arrived twice, damaged, in another order, or were never sent. */
  readonly faults: readonly string[];
  readonly seconds: number;
}

/** Kinds of cuts: like a killed program, a broken network, a middlebox, and corrupted bytes. */
const ways = ['fin', 'rst', 'half-close'] as const;

/** A sequence that depends on a seed. */
function drawer(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function message(n: number, bytes: number): Buffer {
  const data = Buffer.alloc(bytes, n);
  data.writeUInt32LE(n);
  for (let at = 4; at + 4 <= bytes; at += 4096) data.writeUInt32LE(Math.imul(n + at, 0x9e3779b1) >>> 0, at);
  return data;
}

/** Sends messages through a proxy that cuts its links, and compares what arrives with what was sent. */
export async function transfer({
  seed,
  cuts,
  messages,
  messageBytes,
  direction,
  key,
}: TransferOptions): Promise<TransferReport> {
  const draw = drawer(seed);
  const most = (0.8 * messages * messageBytes) / Math.max(1, cuts);
  let cut = 0;
  const plan = () => {
    if (cut >= cuts) return {};
    cut++;
    const fault: Faults = {
      cut: { atByte: 300 + draw(Math.floor(most)), how: ways[draw(ways.length)] ?? 'rst' },
    };
    if (draw(10) === 0) return { [direction]: { corrupt: { atByte: 300 + draw(Math.floor(most)) } } };
    // Acknowledgements have few bytes: megabytes pass before a cut there.
    if (draw(100) === 0)
      return { [direction === 'up' ? 'down' : 'up']: { cut: { atByte: 150 + draw(150), how: 'rst' as const } } };
    return { [direction]: fault };
  };
  const server = await new Server({ port: 0, key }).start();
  const proxy = await new FaultProxy({ target: server.address, plan, seed }).start();
  const client = new Connection({
    key,
    session: 'require',
    autoRestart: true,
    closeTimeoutMs: 60_000,
    reconnect: { baseDelayMs: 4, maxDelayMs: 20 },
  });
  client.on('warning', () => {});
  server.on('warning', () => {});
  const { host, port } = proxy.address;
  for (;;) {
    try {
      await client.connect(host, port); // the first link can be cut during its handshake
      break;
    } catch {}
  }
  const accepted = await server.getConnection();
  accepted.on('warning', () => {});
  const [sender, receiver] = direction === 'up' ? [client, accepted] : [accepted, client];
  const startedMs = performance.now();
  const checker = new DeliveryChecker({ order: 'stream' });
  const receiving = (async () => {
    for (;;) {
      const data = await receiver.getData({ timeoutMs: 30_000 });
      if (typeof data === 'string') break;
      checker.received('the receiver', data as Buffer);
    }
  })();
  for (let n = 0; n < messages; n++) {
    const data = message(n, messageBytes);
    const attempt = checker.attempted(data);
    attempt.ended((await sender.sendData(data)) ? 'accepted' : 'failed');
  }
  await sender.sendData('end', { acknowledge: 'consumed' });
  await receiving;
  const seconds = (performance.now() - startedMs) / 1000;
  const over = once(accepted, 'close');
  await client.close();
  if (accepted.state !== 'closed') await over;
  await proxy.close();
  await server.closeServer();
  return { cuts: cut, lost: messages - checker.arrived, faults: checker.verify({ allowMissing: 0 }), seconds };
}
