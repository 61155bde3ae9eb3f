/**
 * Requests over ws 8, which has none of its own: numbered by hand. `-corked` combines those of one turn of the event loop into one write,
 * by corking the socket below.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Link, Payload, Peer } from '../peer.js';
import { versionOf } from './installed.js';
import { answerTo, Numbered } from './numbered.js';

class RequestLink implements Link {
  readonly #webSocket: WebSocket;
  readonly #socket: Socket | undefined;
  readonly #numbered = new Numbered();
  #corked = false;

  constructor(webSocket: WebSocket, corked: Socket | undefined) {
    this.#webSocket = webSocket;
    this.#socket = corked;
  }

  send(): undefined {
    return undefined;
  }

  receive(): void {
    this.#webSocket.on('message', (answer: Buffer) => this.#numbered.answered(answer));
  }

  request({ bytes }: Payload): Promise<number> {
    return this.#numbered.ask(bytes, (question) => this.#write(question));
  }

  answer({ bytes }: Payload): void {
    this.#webSocket.on('message', (question: Buffer) => this.#write(answerTo(question, bytes)));
  }

  #write(message: Buffer): void {
    this.#cork();
    this.#webSocket.send(message);
  }

  /** Until the end of this turn. */
  #cork(): void {
    if (this.#socket === undefined || this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#socket?.uncork();
    });
  }
}

const peer = (name: string, corked: boolean): Peer => ({
  name,
  kinds: ['request'],
  available: async () => await versionOf('ws'),
  async server(_, accept) {
    const { WebSocketServer } = await import('ws');
    const server = new WebSocketServer({ perMessageDeflate: false, host: '127.0.0.1', port: 0 });
    server.on('connection', (webSocket, { socket }) => accept(new RequestLink(webSocket, corked ? socket : undefined)));
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    return { address: { host: '127.0.0.1', port } };
  },
  async client(_, { host, port }) {
    const { WebSocket } = await import('ws');
    const webSocket = new WebSocket(`ws://${host}:${port}`, { perMessageDeflate: false });
    const [[{ socket }]] = await Promise.all([once(webSocket, 'upgrade'), once(webSocket, 'open')]);
    const link = new RequestLink(webSocket, corked ? (socket as Socket) : undefined);
    link.receive();
    return link;
  },
});

export const peers: readonly Peer[] = [peer('ws-request', false), peer('ws-request-corked', true)];
