/** The view: sources from a hub, panels for what arrives, and a page for each browser. */
import { hostname, networkInterfaces } from 'node:os';
import { checkNames, OptionError } from 'serpy-core';
import { type Consumer, type Hub, openHub, type SourceInput, type SourceStatus } from 'serpy-hub';
import type { WebSocket } from 'ws';
import { PanelBoard } from './panels/board.js';
import type { Labels, Panel } from './panels/panel.js';
import { readAssets } from './server/assets.js';
import { createToken, Guard } from './server/guard.js';
import { Viewer } from './server/viewer.js';
import { startWebServer, type WebServer } from './server/web-server.js';
import { systemClock, type ViewClock } from './system.js';
import type { FromServer, SourceView } from './wire/messages.js';

export interface ViewOptions {
  /** The port of the page; 0 for any free one. Default 8080. */
  readonly port?: number | undefined;
  /** Serves the network, behind a random token. Default false: only this computer. */
  readonly lan?: boolean | undefined;
  /** Certificate and private key (PEM): the page is served over HTTPS. */
  readonly tls?: { readonly cert: string | Uint8Array; readonly key: string | Uint8Array } | undefined;
  /** A hub whose sources are shown too. `close` leaves it open. */
  readonly hub?: Hub | undefined;
}

/** What the page shows beside the values of a source. */
export interface ShowOptions {
  readonly unit?: string | undefined;
  /** The names of the axes, in the order of the shape: `['y', 'x']`. */
  readonly axes?: readonly string[] | undefined;
  /** From this value on, a pixel is saturated. By default the largest value of the type. */
  readonly saturation?: number | undefined;
}

const optionNames = ['port', 'lan', 'tls', 'hub'];
const showNames = ['unit', 'axes', 'saturation'];

/** Between two states of the sources. */
const stateMs = 500;

/** Starts the web server. The page is empty until `show`. @throws `ERR_SERPY_OPTION`, `ERR_SERPY_LISTEN` */
export async function openView(options: ViewOptions = {}, clock: ViewClock = systemClock): Promise<View> {
  checkNames(options, optionNames);
  const { port = 8080, lan = false, tls, hub } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new OptionError(`port is a whole number from 0 to 65535, not ${String(port)}`);
  const view = new View(hub ?? (await openHub({}, { clock })), hub === undefined, clock);
  try {
    await view.start({ port, lan, tls });
    return view;
  } catch (error) {
    await view.close();
    throw error;
  }
}

interface Rate {
  atMs: number;
  messages: number;
  bytes: number;
  messagesPerSecond: number;
  bytesPerSecond: number;
}

export class View {
  readonly hub: Hub;
  readonly #ownsHub: boolean;
  readonly #clock: ViewClock;
  readonly #board: PanelBoard;
  readonly #labels = new Map<string, Labels>();
  readonly #viewers = new Set<Viewer>();
  readonly #rates = new Map<string, Rate>();
  #consumer: Consumer | undefined;
  #server: WebServer | undefined;
  #token: string | undefined;
  #scheme: 'http' | 'https' = 'http';
  #timer: unknown;

  /** @param ownsHub whether `close` closes the hub */
  constructor(hub: Hub, ownsHub: boolean, clock: ViewClock) {
    this.hub = hub;
    this.#ownsHub = ownsHub;
    this.#clock = clock;
    this.#board = new PanelBoard(clock, (name) => this.#labels.get(name));
  }

  /** The address for a browser on this computer. With `lan` it ends in the token. */
  get url(): string {
    return this.#urlOf('127.0.0.1');
  }

  /** With `lan`, the addresses for other devices. */
  get lanUrls(): readonly string[] {
    return this.#token === undefined ? [] : ownAddresses().map((host) => this.#urlOf(host));
  }

  /** The number of open pages. */
  get viewers(): number {
    return this.#viewers.size;
  }

  /**
   * Shows the messages of a connection, or values. Panels appear by what arrives. A source that is closed is replaced, and keeps its panels.
   * @throws `ERR_SERPY_OPTION`, `ERR_SERPY_INSECURE`
   */
  async show(name: string, source: SourceInput, options: ShowOptions = {}): Promise<void> {
    checkNames(options, showNames);
    const { unit, axes = [], saturation } = options;
    if (this.hub.sources.get(name)?.status().state === 'closed') await this.hub.remove(name); // its panels get new values
    await this.hub.add(name, source);
    this.#labels.set(name, { unit, axes, saturation });
  }

  /** Removes a source and its panels. */
  async remove(name: string): Promise<void> {
    await this.hub.remove(name);
    this.#labels.delete(name);
    this.#rates.delete(name);
    this.#board.remove(name);
    this.#broadcast();
  }

  /** Called by `openView`. */
  async start({
    port,
    lan,
    tls,
  }: Required<Pick<ViewOptions, 'port' | 'lan'>> & Pick<ViewOptions, 'tls'>): Promise<void> {
    this.#token = lan ? createToken() : undefined;
    this.#scheme = tls ? 'https' : 'http';
    const hosts = ['127.0.0.1', 'localhost', '[::1]', ...(lan ? [...ownAddresses(), ...ownNames()] : [])];
    this.#server = await startWebServer({
      host: lan ? '0.0.0.0' : '127.0.0.1',
      port: port as number,
      tls,
      guard: new Guard({ token: this.#token, hosts, scheme: this.#scheme }),
      assets: readAssets(),
      clock: this.#clock,
      onPage: (socket) => this.#welcome(socket),
      download: (id) => this.#board.download(id),
    });
    void this.#read();
  }

  /** Closes the page, and the sources that `show` added. */
  async close(): Promise<void> {
    this.#clock.clearTimeout(this.#timer);
    this.#consumer?.close();
    for (const viewer of this.#viewers) viewer.close();
    await this.#server?.close();
    if (this.#ownsHub) await this.hub.close();
    else for (const name of this.#labels.keys()) await this.hub.remove(name);
  }

  /** Hands every message to its panel. It never waits, so that its queue stays empty. */
  async #read(): Promise<void> {
    this.#consumer = this.hub.consume({ policy: 'all', whenFull: 'drop-oldest' });
    for await (const message of this.#consumer) {
      const { panel, isNew } = this.#board.take(message);
      if (isNew) this.#broadcast();
      this.#schedule(panel);
    }
  }

  /** Draws after what has already arrived was read, so that only the newest value is drawn. */
  readonly #dirty = new Set<Panel>();

  #schedule(panel: Panel): void {
    if (this.#viewers.size === 0) return;
    if (this.#dirty.size === 0) this.#clock.setImmediate(() => this.#draw());
    this.#dirty.add(panel);
  }

  #draw(): void {
    const panels = [...this.#dirty];
    this.#dirty.clear();
    for (const { id } of panels) for (const viewer of this.#viewers) viewer.poke(id);
  }

  #welcome(socket: WebSocket): void {
    const viewer = new Viewer(socket, this.#board.panels, this.#clock);
    viewer.onUnreadable = (panel, error) => {
      const { panel: log, isNew } = this.#board.note(panel.source, error.message);
      if (isNew) this.#broadcast();
      this.#schedule(log);
    };
    this.#viewers.add(viewer);
    socket.on('message', (data, isBinary) => {
      if (isBinary || !viewer.receive(String(data))) socket.close(1008, 'no page sends this');
    });
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      viewer.close();
      this.#viewers.delete(viewer);
      if (this.#viewers.size === 0) this.#clock.clearTimeout(this.#timer);
    });
    if (this.#viewers.size === 1) this.#tick();
    else viewer.sendState(this.#state());
  }

  #tick(): void {
    this.#broadcast();
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => this.#tick(), stateMs);
  }

  #broadcast(): void {
    if (this.#viewers.size === 0) return;
    const state = this.#state();
    for (const viewer of this.#viewers) viewer.sendState(state);
  }

  #state(): FromServer {
    const sources = [...this.hub.sources.values()].map((source) => this.#sourceView(source.status()));
    return { type: 'state', sources, panels: this.#board.views(), viewers: this.#viewers.size };
  }

  #sourceView(status: SourceStatus): SourceView {
    const { url, protocol, lastAtMs, problem, bytesReceived, ...same } = status;
    const { messagesPerSecond, bytesPerSecond } = this.#rateOf(status);
    return {
      ...same,
      messagesPerSecond,
      bytesPerSecond,
      url: url ?? null,
      protocol: protocol ?? null,
      ageMs: lastAtMs === undefined ? null : this.#clock.now() - lastAtMs,
      problem: problem ?? null,
    };
  }

  /** Over at least half a second; the same for all pages. */
  #rateOf({ name, messages, bytesReceived }: SourceStatus): Rate {
    const now = this.#clock.now();
    const known = this.#rates.get(name) ?? {
      atMs: now,
      messages,
      bytes: bytesReceived,
      messagesPerSecond: 0,
      bytesPerSecond: 0,
    };
    this.#rates.set(name, known);
    const elapsedMs = now - known.atMs;
    if (elapsedMs < stateMs * 0.9) return known;
    known.messagesPerSecond = (1000 * (messages - known.messages)) / elapsedMs;
    known.bytesPerSecond = (1000 * (bytesReceived - known.bytes)) / elapsedMs;
    Object.assign(known, { atMs: now, messages, bytes: bytesReceived });
    return known;
  }

  #urlOf(host: string): string {
    return `${this.#scheme}://${host}:${this.#server?.port}${this.#token === undefined ? '' : `/#${this.#token}`}`;
  }
}

/** The IPv4 addresses of this computer in networks. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address),
  );
}

function ownNames(): string[] {
  const name = hostname().toLowerCase();
  return [name, `${name}.local`];
}
