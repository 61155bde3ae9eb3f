/**
 * zeromq 6 (zeromq.js) with `await socket.send(…)` and `for await (… of socket)`, as in its README. The queues hold 1,000 messages by
 * default. They are limited to the bytes of serpy's queues, because 1,000 messages of 16 MiB would fill the memory.
 * `-curve` is the same with CURVE, the encryption of ZeroMQ.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Dealer, Pull, Push, Reply, Router, Subscriber, XPublisher } from 'zeromq';
import type { Address, Link, MessageHandler, NodePeer, Payload, Peer } from '../peer.js';
import type { Workload } from '../workload.js';
import { versionOf } from './installed.js';
import { clientCurve, curveAvailable, serverCurve } from './zeromq-curve.js';

const queueMessages = 1000;
const queueBytes = 16 * 1024 * 1024;
const maxSockets = 16_000;

function highWaterMark({ messageBytes }: Workload): number {
  return Math.max(1, Math.min(queueMessages, Math.floor(queueBytes / messageBytes)));
}

const sending = (workload: Workload) => ({ sendHighWaterMark: highWaterMark(workload), linger: 0 });
const receiving = (workload: Workload) => ({ receiveHighWaterMark: highWaterMark(workload), linger: 0 });
const both = (workload: Workload) => ({ ...sending(workload), ...receiving(workload) });

export async function load() {
  const zeromq = await import('zeromq');
  // The first socket creates the context of all sockets.
  if (zeromq.context.maxSockets < maxSockets) zeromq.context.maxSockets = maxSockets;
  return zeromq;
}

export async function bind(
  socket: Push | Pull | Router | Reply | { bind(address: string): Promise<void>; lastEndpoint: string | null },
) {
  await socket.bind('tcp://127.0.0.1:*');
  return { host: '127.0.0.1', port: Number(socket.lastEndpoint?.split(':').at(-1)) };
}

export const url = ({ host, port }: Address) => `tcp://${host}:${port}`;

/** A link over a socket with one peer. */
class SocketLink implements Link {
  readonly #sending: Push | Dealer | undefined;
  readonly #receiving: Pull | Dealer | Subscriber | undefined;

  constructor(sending: Push | Dealer | undefined, receiving: Pull | Dealer | Subscriber | undefined) {
    this.#sending = sending;
    this.#receiving = receiving;
  }

  async send({ bytes }: Payload, count: number): Promise<void> {
    for (let sent = 0; sent < count; sent++) await this.#sending?.send(bytes);
  }

  receive(handler: MessageHandler): void {
    if (this.#receiving) void receiveAll(this.#receiving, handler);
  }
}

async function receiveAll(socket: AsyncIterable<Buffer[]>, handler: MessageHandler): Promise<void> {
  for await (const [message] of socket) {
    const busy = handler(message?.length ?? 0);
    if (busy) await busy;
  }
}

/** A link to one peer of a router. */
class RoutedLink implements Link {
  handler: MessageHandler | undefined;
  readonly #router: Router;
  readonly #id: Buffer;

  constructor(router: Router, id: Buffer) {
    this.#router = router;
    this.#id = id;
  }

  async send({ bytes }: Payload, count: number): Promise<void> {
    for (let sent = 0; sent < count; sent++) await this.#router.send([this.#id, bytes]);
  }

  receive(handler: MessageHandler): void {
    this.handler = handler;
  }
}

/** A router learns of a peer from its first message, so each peer starts with an empty message. */
async function routeAll(router: Router, accept: (link: Link) => void): Promise<void> {
  const links = new Map<string, RoutedLink>();
  for await (const [id, message] of router) {
    if (id === undefined || message === undefined) continue;
    const name = id.toString('latin1');
    const link = links.get(name);
    if (link) {
      const busy = link.handler?.(message.length);
      if (busy) await busy;
      continue;
    }
    const created = new RoutedLink(router, id);
    links.set(name, created);
    accept(created);
  }
}

const available = (secure: boolean) => async () => await (secure ? curveAvailable() : versionOf('zeromq'));

const pushPull = (name: string, secure: boolean): NodePeer => ({
  name,
  kinds: ['one-way', 'slow-reader'],
  available: available(secure),
  async server(workload, accept) {
    const { Pull } = await load();
    const { options, publicKey } = await serverCurve(secure);
    const pull = new Pull({ ...receiving(workload), ...options });
    const address = await bind(pull);
    accept(new SocketLink(undefined, pull));
    return { address: { ...address, ...publicKey } };
  },
  async client(workload, address) {
    const { Push } = await load();
    const push = new Push({ ...sending(workload), ...(await clientCurve(address)) });
    push.connect(url(address));
    return new SocketLink(push, undefined);
  },
});

const dealerRouter = (name: string, secure: boolean): NodePeer => ({
  name,
  kinds: ['one-way', 'round-trip', 'acknowledged', 'idle'],
  available: available(secure),
  async server(workload, accept) {
    const { Router } = await load();
    const { options, publicKey } = await serverCurve(secure);
    const router = new Router({ ...both(workload), ...options });
    const address = await bind(router);
    void routeAll(router, accept);
    return { address: { ...address, ...publicKey } };
  },
  async client(workload, address) {
    const { Dealer } = await load();
    const dealer = new Dealer({ ...both(workload), ...(await clientCurve(address)), routingId: randomUUID() });
    dealer.connect(url(address));
    await dealer.send('');
    return new SocketLink(dealer, dealer);
  },
});

const publishSubscribe: NodePeer = {
  name: 'zeromq-pub',
  kinds: ['broadcast'],
  available: async () => await versionOf('zeromq'),
  async server(workload, accept) {
    const { XPublisher } = await load();
    // By default, it drops messages for which a subscriber has no room, and reports only the first subscriber.
    const publisher = new XPublisher({ ...both(workload), noDrop: true, verbosity: 'allSubs' });
    const address = await bind(publisher);
    void acceptSubscribers(publisher, accept);
    return {
      address,
      async broadcast({ bytes }, count) {
        for (let sent = 0; sent < count; sent++) await publish(publisher, bytes);
      },
    };
  },
  async client(workload, address) {
    const { Subscriber } = await load();
    const subscriber = new Subscriber(receiving(workload));
    subscriber.connect(url(address));
    subscriber.subscribe();
    return new SocketLink(undefined, subscriber);
  },
};

/** Sends when every subscriber has room. The library does not wait for that, as it does for other sockets. */
async function publish(publisher: XPublisher, bytes: Buffer): Promise<void> {
  for (;;) {
    try {
      return await publisher.send(bytes);
    } catch (error) {
      if ((error as { code?: string }).code !== 'EAGAIN') throw error;
      await nextTurn();
    }
  }
}

/** The publisher receives a message for each subscription. */
async function acceptSubscribers(publisher: AsyncIterable<Buffer[]>, accept: (link: Link) => void): Promise<void> {
  for await (const _ of publisher) accept(new SocketLink(undefined, undefined));
}

export const peers: readonly Peer[] = [
  pushPull('zeromq-push', false),
  dealerRouter('zeromq-dealer', false),
  publishSubscribe,
  pushPull('zeromq-push-curve', true),
  dealerRouter('zeromq-dealer-curve', true),
];
