// A part of metrics.ts and web-page.ts: a simulated photon counter, which sends its newest count to every client every 10 ms.
import { listen } from 'serpy';
import { photonCount } from './simulation.ts';

export interface Counter {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts a counter on any free port of this computer. */
export async function startCounter(): Promise<Counter> {
  const sendQueue = { maxMessages: 1, whenFull: 'drop-oldest' } as const;
  const server = await listen({ protocol: 'v2', port: 0, whenOffline: 'drop', sendQueue });
  server.on('connection', (client) => {
    let index = 0;
    client.on('warning', () => {}); // a slow client misses counts on purpose
    const timer = setInterval(() => client.sendData(photonCount(index++)).catch(() => {}), 10);
    client.once('close', () => clearInterval(timer));
  });
  return { url: `serpy2://127.0.0.1:${server.address.port}`, close: () => server.closeServer() };
}
