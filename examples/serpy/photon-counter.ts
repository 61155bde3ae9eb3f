// A part of metrics.ts and web-page.ts: a simulated photon counter, which sends its newest count to every client every 10 ms.
import { listen } from 'serpy';
import { photonCount } from './simulation.ts';

export interface Counter {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts a counter on any free port of this computer. */
export async function startCounter(): Promise<Counter> {
  const server = await listen({ protocol: 'v2', port: 0, whenOffline: 'drop', sendQueue: { maxMessages: 1 } });
  server.on('connection', (client) => client.on('warning', () => {})); // a slow client misses counts on purpose
  let index = 0;
  const timer = setInterval(() => server.broadcast(photonCount(index++)), 10);
  return {
    url: `serpy2://127.0.0.1:${server.address.port}`,
    close: () => {
      clearInterval(timer);
      return server.closeServer();
    },
  };
}
