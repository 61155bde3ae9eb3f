/** Clients without the key that occupy a server, in one of several ways, until the thread is terminated. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

/** A way to occupy the server before authentication. */
export interface Siege {
  readonly name: string;
  readonly sockets: number;
  /** The bytes that each socket sends, and the time before it disconnects and connects again. */
  readonly says?: string;
  readonly staysMs: number;
  /** The pause between two connections of one socket. */
  readonly restsMs?: number;
}

/** The start of a TLS ClientHello that never continues. */
const begun = `1603010200${'01'.repeat(300)}`;

export const sieges: readonly Siege[] = [
  { name: '40 idle sockets, which disconnect after 4.5 s and reconnect at once', sockets: 40, staysMs: 4_500 },
  { name: '34 idle sockets, 41 connects a second', sockets: 34, staysMs: 800, restsMs: 30 },
  { name: '40 idle sockets, 32 connects a second', sockets: 40, staysMs: 1_200, restsMs: 50 },
  { name: '400 idle sockets that stay', sockets: 400, staysMs: 60_000 },
  { name: '40 sockets that start TLS and do not continue', sockets: 40, says: begun, staysMs: 4_500 },
  { name: 'an unencrypted connection every 100 ms', sockets: 1, says: '00', staysMs: 50, restsMs: 50 },
  { name: 'connections one after another, each closed at once', sockets: 40, staysMs: 0 },
];

if (workerData?.siege !== undefined) {
  const { port, siege } = workerData as { port: number; siege: number };
  const { sockets, says, staysMs, restsMs = 0 } = sieges[siege] as Siege;
  for (let i = 0; i < sockets; i++) void stand();
  parentPort?.postMessage('there');

  async function stand(): Promise<void> {
    for (;;) {
      const socket: Socket = connect({ host: '127.0.0.1', port });
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      socket.on('error', () => {});
      socket.on('data', () => {});
      socket.once('connect', () => {
        if (says) socket.write(Buffer.from(says, 'hex'));
      });
      await Promise.race([closed, sleep(staysMs)]);
      socket.destroy();
      await closed;
      if (restsMs > 0) await sleep(restsMs);
    }
  }
}
