/** One open page: which frames it gets, and when. It never holds more than its credits. */

import type { ImageShot } from '../panels/image.js';
import type { ImagePanel, Panel, Rendered } from '../panels/panel.js';
import type { Preview } from '../panels/preview.js';
import type { ViewClock } from '../system.js';
import { encodeFrame } from '../wire/frame.js';
import { creditsPerPanel, type FromPage, type FromServer, type PanelRequest } from '../wire/messages.js';
import type { TimeRequest } from '../wire/time.js';
import { readFromPage } from './from-page.js';

/** The socket of a page. */
export interface PageSocket {
  /** Bytes that the network has not taken. */
  readonly bufferedAmount: number;
  send(data: string | Uint8Array): void;
}

/** A page gets no state while so much waits for it: it does not read. */
const maxWaitingBytes = 4 * 2 ** 20;

/** What a viewer has of a panel. */
interface Subscription {
  request: PanelRequest;
  credits: number;
  seen: number;
  frame: number;
  sentAtMs: number;
  /** When the value of each frame without a credit arrived. */
  readonly undrawn: Map<number, number>;
  delayMs: number | null;
  frozen: ImageShot | undefined;
  /** The image of the last frame. */
  shown: ImageShot | undefined;
  isFrozen: boolean;
  isChanged: boolean;
  timer: unknown;
}

export class Viewer {
  readonly #socket: PageSocket;
  /** Those of the view. */
  readonly #livePanels: ReadonlyMap<number, Panel>;
  #panels: ReadonlyMap<number, Panel>;
  /** The time at the end of trends; undefined for now. */
  nowWallMs: number | undefined;
  /** Called for what a page asks of a recording. Returns false for what no page sends. */
  onTime: ((request: TimeRequest) => boolean) | undefined;
  readonly #clock: ViewClock;
  readonly #preview: Preview;
  readonly #subscriptions = new Map<number, Subscription>();
  #isVisible = true;
  #isClosed = false;

  constructor(socket: PageSocket, panels: ReadonlyMap<number, Panel>, clock: ViewClock, preview: Preview = 'full') {
    this.#preview = preview;
    this.#socket = socket;
    this.#livePanels = panels;
    this.#panels = panels;
    this.#clock = clock;
  }

  get panels(): ReadonlyMap<number, Panel> {
    return this.#panels;
  }

  /** Shows other panels. @param panels undefined for those of the view */
  show(panels: ReadonlyMap<number, Panel> = this.#livePanels): void {
    this.#panels = panels;
    for (const subscription of this.#subscriptions.values()) subscription.seen = 0;
  }

  pokeAll(): void {
    for (const id of this.#subscriptions.keys()) this.poke(id);
  }

  /** Returns whether it was sent: a page in the background, or one that does not read, gets nothing. */
  sendState(state: FromServer): boolean {
    if (!this.#isVisible || this.#isClosed || this.#socket.bufferedAmount > maxWaitingBytes) return false;
    this.#socket.send(JSON.stringify(state));
    return true;
  }

  /** Handles a message of the page. Returns false for one that no page sends. */
  receive(text: string): boolean {
    const message = readFromPage(text);
    if (message === undefined) return false;
    if (message.type === 'visible') {
      this.#isVisible = message.visible;
      if (message.visible) this.pokeAll();
      return true;
    }
    if (!('panel' in message) || message.type === 'step') return this.onTime?.(message) ?? false;
    this.#handle(message);
    return true;
  }

  /** Sends a frame of a panel if there is a newer one and the page has drawn the earlier ones. */
  poke(id: number): void {
    const panel = this.#panels.get(id);
    const subscription = this.#subscriptions.get(id);
    if (!panel || !subscription || this.#isClosed || !this.#isVisible || subscription.credits < 1) return;
    const isNew = panel.version > subscription.seen && !subscription.isFrozen;
    if (!isNew && !subscription.isChanged) return;
    const waitMs = subscription.sentAtMs + panel.minFrameMs - this.#clock.now();
    if (waitMs > 0) {
      subscription.timer ??= this.#clock.setTimeout(() => {
        subscription.timer = undefined;
        this.poke(id);
      }, waitMs);
      return;
    }
    this.#send(panel, subscription);
  }

  close(): void {
    this.#isClosed = true;
    for (const { timer } of this.#subscriptions.values()) this.#clock.clearTimeout(timer);
    this.#subscriptions.clear();
  }

  /** The image that the viewer sees: the frozen one, or the newest. */
  shotOf(id: number): ImageShot | undefined {
    const panel = this.#panels.get(id);
    const subscription = this.#subscriptions.get(id);
    const newest = panel?.kind === 'image' ? (panel as ImagePanel).shot : undefined;
    return subscription?.frozen ?? subscription?.shown ?? newest;
  }

  #handle(message: Exclude<FromPage, { readonly type: 'visible' } | TimeRequest>): void {
    const { panel: id } = message;
    if (!this.#panels.has(id)) return;
    if (message.type === 'request') this.#request(id, message.request);
    const subscription = this.#subscriptions.get(id);
    if (!subscription) return;
    if (message.type === 'credit') this.#credit(subscription, message.frame);
    if (message.type === 'freeze') {
      subscription.isFrozen = message.frozen;
      subscription.frozen = message.frozen ? subscription.shown : undefined;
    }
    if (message.type === 'probe') {
      const { x, y } = message;
      const value = this.shotOf(id)?.probe(x, y, subscription.request.slice) ?? '';
      this.sendState({ type: 'probe', panel: id, x, y, value });
      return;
    }
    this.poke(id);
  }

  #request(id: number, request: PanelRequest): void {
    const known = this.#subscriptions.get(id);
    if (known) {
      known.request = request;
      known.isChanged = true;
      known.sentAtMs = Number.NEGATIVE_INFINITY;
      return;
    }
    this.#subscriptions.set(id, {
      request,
      credits: creditsPerPanel,
      seen: 0,
      frame: 0,
      sentAtMs: Number.NEGATIVE_INFINITY,
      undrawn: new Map(),
      delayMs: null,
      frozen: undefined,
      shown: undefined,
      isFrozen: false,
      isChanged: true,
      timer: undefined,
    });
  }

  /** Only a frame that was sent, and only once. */
  #credit(subscription: Subscription, frame: number): void {
    const arrivedAtMs = subscription.undrawn.get(frame);
    if (arrivedAtMs === undefined) return;
    subscription.undrawn.delete(frame);
    subscription.credits++;
    subscription.delayMs = this.#clock.now() - arrivedAtMs;
  }

  #send(panel: Panel, subscription: Subscription): void {
    const { frozen, seen, isFrozen } = subscription;
    if (isFrozen && !frozen) return; // only images keep what is frozen
    const rendered = this.#render(panel, subscription);
    subscription.isChanged = false;
    if (!frozen && panel.kind === 'image') subscription.shown = (panel as ImagePanel).shot;
    const hasLosses = panel.kind === 'image' || panel.kind === 'curve'; // the others hold what was not drawn
    const skipped = isFrozen || seen === 0 || !hasLosses ? 0 : Math.max(0, panel.version - seen - 1);
    if (!isFrozen) subscription.seen = panel.version;
    if (!rendered) return;
    const { content, parts } = rendered;
    const now = this.#clock.now();
    const frame = ++subscription.frame;
    subscription.sentAtMs = now;
    subscription.credits--;
    subscription.undrawn.set(frame, frozen ? now : panel.lastAtMs);
    const header = { ...content, panel: panel.id, frame, skipped, delayMs: subscription.delayMs };
    this.#socket.send(encodeFrame(header, parts));
  }

  #render(panel: Panel, { frozen, request, seen }: Subscription): Rendered | undefined {
    try {
      const nowWallMs = this.nowWallMs ?? this.#clock.wallMs();
      return frozen ? frozen.render(request, this.#preview) : panel.render(request, seen, nowWallMs, this.#preview);
    } catch (error) {
      this.onUnreadable?.(panel, error as Error);
      return undefined;
    }
  }

  /** Called for a value that cannot be drawn. */
  onUnreadable: ((panel: Panel, error: Error) => void) | undefined;
}
