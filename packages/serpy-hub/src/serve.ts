/** The server of a hub: each client that connects is a consumer. */
import { type ListenOptions, listen, type PortableConnection, type ProtocolName, parseUrl } from 'serpy';
import { checkNames } from 'serpy-core';
import type { Consumer, ConsumerOptions } from './consumer.js';
import { forward } from './forward.js';
import type { Source } from './source.js';
import { ignoreMessages, Upstream } from './upstream.js';

export interface ServeOptions {
  /** The policy of each client. Default `'latest'`. */
  readonly consumers?: ConsumerOptions | undefined;
  /** Whether requests of clients go to the instrument, one at a time. Needs exactly one source. Default false. */
  readonly requests?: boolean | undefined;
  /** Called for each client. */
  readonly onClient?: ((client: PortableConnection) => void) | undefined;
}

export interface ServeStats {
  /** Clients now. */
  readonly clients: number;
  /** Messages queued for clients. */
  readonly forwarded: number;
  /** Messages that clients missed: newer ones replaced them, or they were dropped at the bounds. */
  readonly dropped: number;
  /** Messages that the protocol of a client cannot carry. */
  readonly unsupported: number;
  /** Messages of clients, which the hub does not forward. */
  readonly ignored: number;
}

export interface HubServer {
  readonly address: { readonly host: string; readonly port: number };
  readonly protocol: ProtocolName;
  stats(): ServeStats;
  close(): Promise<void>;
}

interface Consumers {
  readonly sources: ReadonlyMap<string, Source>;
  consume(options: ConsumerOptions): Consumer;
}

const optionNames = ['consumers', 'requests', 'onClient'];

/** Messages that the connection of a client holds. Others wait in its consumer, where newer ones can replace them. */
const sendQueue = { maxMessages: 1, whenFull: 'block' } as const;

export async function serve(
  hub: Consumers,
  address: ListenOptions | string,
  options: ServeOptions,
): Promise<HubServer> {
  checkNames(options, optionNames);
  const { consumers = {}, requests = false, onClient } = options;
  const upstream = new Upstream(() => onlyOne(hub, consumers));
  hub.consume(consumers).close(); // an error in the options is for the program and not for a client
  const listenOptions = typeof address === 'string' ? (parseUrl(address) as unknown as ListenOptions) : address;
  const server = await listen({
    closeTimeoutMs: 1000,
    ...listenOptions,
    sendQueue: { ...sendQueue, ...listenOptions.sendQueue },
  } as ListenOptions);
  const counts = { forwarded: 0, dropped: 0, unsupported: 0, ignored: 0 };
  const active = new Map<PortableConnection, Consumer>();

  const feed = async (client: PortableConnection, consumer: Consumer) => {
    try {
      for await (const message of consumer) {
        if (await forward(client, message)) counts.forwarded++;
        else counts.unsupported++;
      }
      await client.close();
    } catch {
      client.destroy(); // it disconnected, or it throttled a source for too long
    }
  };
  server.on('connection', (client) => {
    const consumer = hub.consume(consumers);
    active.set(client, consumer);
    client.on('warning', () => {});
    client.on('close', () => {
      active.delete(client);
      consumer.close();
      counts.dropped += consumer.stats().dropped;
    });
    void feed(client, consumer);
    if (requests) upstream.answer(client);
    void ignoreMessages(client, () => counts.ignored++);
    onClient?.(client);
  });
  server.on('warning', () => {});

  return {
    address: server.address,
    protocol: server.protocol,
    stats() {
      let { dropped } = counts;
      for (const consumer of active.values()) dropped += consumer.stats().dropped;
      return { ...counts, dropped, clients: active.size };
    },
    close: () => server.closeServer(),
  };
}

/** The source of a server, if it is the only one. */
function onlyOne(
  { sources }: Consumers,
  { sources: names = [...sources.keys()] }: ConsumerOptions,
): Source | undefined {
  return names.length === 1 ? sources.get(names[0] as string) : undefined;
}
