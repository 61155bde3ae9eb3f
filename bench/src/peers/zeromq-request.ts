/**
 * Requests over zeromq 6. `zeromq-req` is REQ to REP, as its guide begins with: such a socket has one request in flight, so there are as
 * many of them as requests in flight. `zeromq-dealer-request` is DEALER to ROUTER with numbered requests, as the guide recommends for more.
 */
import type { Dealer, Reply, Request, Router } from 'zeromq';
import type { Address, Link, Payload, Peer } from '../peer.js';
import { versionOf } from './installed.js';
import { answerTo, Numbered } from './numbered.js';
import { bind, load, url } from './zeromq.js';

/** A link that only asks, or only answers. */
const link = (does: Pick<Link, 'request' | 'answer'>): Link => ({
  send: () => undefined,
  receive: () => undefined,
  ...does,
});

async function answerAll(reply: Reply, { bytes }: Payload): Promise<void> {
  for await (const _ of reply) await reply.send(bytes);
}

function ask(sockets: Request[]) {
  return async ({ bytes }: Payload): Promise<number> => {
    const socket = sockets.pop();
    if (socket === undefined) throw new Error('more requests in flight than sockets');
    await socket.send(bytes);
    const [answer] = await socket.receive();
    sockets.push(socket);
    return answer?.length ?? 0;
  };
}

const requestReply: Peer = {
  name: 'zeromq-req',
  kinds: ['request'],
  available: async () => await versionOf('zeromq'),
  async server(_, accept) {
    const { Reply } = await load();
    const reply = new Reply({ linger: 0 });
    const address = await bind(reply);
    accept(link({ answer: (payload) => void answerAll(reply, payload) }));
    return { address };
  },
  async client({ inFlight }, address: Address) {
    const { Request } = await load();
    const sockets = Array.from({ length: inFlight }, () => {
      const socket = new Request({ linger: 0 });
      socket.connect(url(address));
      return socket;
    });
    return link({ request: ask(sockets) });
  },
};

/** Sends in the order of the calls: the library allows one send at a time. */
class Outbox {
  readonly #socket: Dealer;
  #sent: Promise<void> = Promise.resolve();

  constructor(socket: Dealer) {
    this.#socket = socket;
  }

  send(message: Buffer): void {
    this.#sent = this.#sent.then(() => this.#socket.send(message));
  }
}

async function answerNumbered(router: Router, { bytes }: Payload): Promise<void> {
  for await (const [id, question] of router) {
    if (id && question) await router.send([id, answerTo(question, bytes)]);
  }
}

async function receiveAnswers(dealer: Dealer, numbered: Numbered): Promise<void> {
  for await (const [answer] of dealer) if (answer) numbered.answered(answer);
}

const dealerRouter: Peer = {
  name: 'zeromq-dealer-request',
  kinds: ['request'],
  available: async () => await versionOf('zeromq'),
  async server(_, accept) {
    const { Router } = await load();
    const router = new Router({ linger: 0 });
    const address = await bind(router);
    accept(link({ answer: (payload) => void answerNumbered(router, payload) }));
    return { address };
  },
  async client(_, address: Address) {
    const { Dealer } = await load();
    const dealer = new Dealer({ linger: 0 });
    dealer.connect(url(address));
    const numbered = new Numbered();
    const outbox = new Outbox(dealer);
    void receiveAnswers(dealer, numbered);
    return link({ request: ({ bytes }) => numbered.ask(bytes, (question) => outbox.send(question)) });
  },
};

export const peers: readonly Peer[] = [requestReply, dealerRouter];
