/** The WebSocket of the page. It connects again until the page is closed. */
import { decodeFrame, type Part } from '../wire/frame.js';
import type { Frame, FromPage, FromServer } from '../wire/messages.js';

export interface LinkListener {
  onState(isUp: boolean): void;
  onMessage(message: FromServer): void;
  onFrame(header: Frame, parts: Part[]): void;
}

const retryMs = { first: 300, most: 4000 };

export class Link {
  readonly #listener: LinkListener;
  #socket: WebSocket | undefined;
  #delayMs = retryMs.first;

  constructor(listener: LinkListener) {
    this.#listener = listener;
    this.#connect();
    document.addEventListener('visibilitychange', () => this.#tellVisibility());
  }

  send(message: FromPage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** What follows `#` in the address. It never leaves the page except as a header. */
  static get token(): string {
    return location.hash.slice(1);
  }

  #connect(): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const names = Link.token === '' ? ['serpy-view'] : ['serpy-view', `token.${Link.token}`];
    let socket: WebSocket;
    try {
      socket = new WebSocket(`${scheme}://${location.host}/`, names);
    } catch {
      this.#listener.onState(false); // the token has characters that no token has
      return;
    }
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.addEventListener('open', () => {
      this.#delayMs = retryMs.first;
      this.#listener.onState(true);
      this.#tellVisibility();
    });
    socket.addEventListener('message', ({ data }) => {
      if (typeof data === 'string') this.#listener.onMessage(JSON.parse(data) as FromServer);
      else {
        const { header, parts } = decodeFrame<Frame>(data as ArrayBuffer);
        this.#listener.onFrame(header, parts);
      }
    });
    socket.addEventListener('close', () => {
      this.#listener.onState(false);
      setTimeout(() => this.#connect(), this.#delayMs);
      this.#delayMs = Math.min(retryMs.most, 2 * this.#delayMs);
    });
  }

  #tellVisibility(): void {
    this.send({ type: 'visible', visible: document.visibilityState === 'visible' });
  }
}
