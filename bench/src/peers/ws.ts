/**
 * ws 8 without compression, which is slow according to its README, and with bufferutil, the "Opt-in for performance" of its README.
 * `-corked` combines a batch into one write by corking the socket below. `-down` sends from the server, whose frames are not masked.
 * `wss` is the same over TLS 1.3 with a certificate.
 */
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { largestMessageBytes } from '../payload.js';
import type { Link, MessageHandler, Payload, Peer } from '../peer.js';
import { clientTls, serverTls, withCertificate } from './certificate.js';
import { versionOf } from './installed.js';

/** The sender waits from this `bufferedAmount`, which is the only back-pressure of ws. */
const bufferedBytes = 1024 * 1024;

const options = { perMessageDeflate: false, maxPayload: largestMessageBytes };

class WsLink implements Link {
  readonly #webSocket: WebSocket;
  readonly #corked: Socket | undefined;

  constructor(webSocket: WebSocket, corked: Socket | undefined) {
    this.#webSocket = webSocket;
    this.#corked = corked;
  }

  send({ bytes }: Payload, count: number): Promise<void> | undefined {
    this.#corked?.cork();
    for (let sent = 1; sent < count; sent++) this.#webSocket.send(bytes);
    const wait = this.#sendLast(bytes);
    this.#corked?.uncork();
    return wait;
  }

  receive(handler: MessageHandler): void {
    this.#webSocket.on('message', (data: Buffer) => {
      const busy = handler(data.length);
      if (busy === undefined) return;
      this.#webSocket.pause();
      void busy.then(() => this.#webSocket.resume());
    });
  }

  #sendLast(bytes: Buffer): Promise<void> | undefined {
    if (this.#webSocket.bufferedAmount < bufferedBytes) {
      this.#webSocket.send(bytes);
      return undefined;
    }
    return new Promise((resolve) => this.#webSocket.send(bytes, () => resolve()));
  }
}

/** Where a server of ws listens: on a port of its own, or on a server of node:https. */
async function serverOptions(secure: boolean) {
  if (!secure) return { ...options, host: '127.0.0.1', port: 0, backlog: 4096 };
  const server = createServer(serverTls());
  server.listen(0, '127.0.0.1', 4096);
  await once(server, 'listening');
  return { ...options, server };
}

function peer(name: string, corked: boolean, sender: 'client' | 'server', secure = false): Peer {
  const sendsFromClient = sender === 'client';
  return {
    name,
    sender,
    kinds: sendsFromClient
      ? ['one-way', 'round-trip', 'acknowledged', 'idle', 'broadcast', 'slow-reader']
      : ['one-way'],
    available: async () => await (secure ? withCertificate(versionOf('ws')) : versionOf('ws')),
    async server(_, accept) {
      const { WebSocketServer } = await import('ws');
      const given = await serverOptions(secure);
      const server = new WebSocketServer(given);
      server.on('connection', (webSocket, { socket }) => accept(new WsLink(webSocket, corked ? socket : undefined)));
      if (!secure) await once(server, 'listening');
      const { port } = server.address() as { port: number };
      return { address: { host: '127.0.0.1', port } };
    },
    async client(_, { host, port }) {
      const { WebSocket } = await import('ws');
      const webSocket = secure
        ? new WebSocket(`wss://${host}:${port}`, { ...options, ...clientTls() })
        : new WebSocket(`ws://${host}:${port}`, options);
      const [[{ socket }]] = await Promise.all([once(webSocket, 'upgrade'), once(webSocket, 'open')]);
      return new WsLink(webSocket, corked ? (socket as Socket) : undefined);
    },
  };
}

export const peers: readonly Peer[] = [
  peer('ws', false, 'client'),
  peer('ws-corked', true, 'client'),
  peer('ws-down', false, 'server'),
  peer('ws-corked-down', true, 'server'),
  peer('wss', false, 'client', true),
  peer('wss-corked', true, 'client', true),
];
