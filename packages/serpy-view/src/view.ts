/** The view: sources from a hub, panels for what arrives, and a page for each browser. */
import { checkNames, OptionError } from 'serpy-core';
import { type Consumer, type Hub, openHub, type SourceInput } from 'serpy-hub';
import type { WebSocket } from 'ws';
import { PanelBoard, PanelIds } from './panels/board.js';
import type { Labels, Panel } from './panels/panel.js';
import type { Preview } from './panels/preview.js';
import { HubRecorder, type RecordingEnd, type RecordOptions } from './recording/recorder.js';
import { ViewRecording } from './recording/view-recording.js';
import { ownAddresses, ownNames } from './server/addresses.js';
import { readAssets } from './server/assets.js';
import { createToken, Guard } from './server/guard.js';
import { Viewer } from './server/viewer.js';
import { startWebServer, type WebServer } from './server/web-server.js';
import { labelsOf, type ShowOptions } from './show-options.js';
import { addressOf } from './source-address.js';
import { SourceViews } from './source-views.js';
import { systemClock, type ViewClock } from './system.js';
import type { FromServer } from './wire/messages.js';

export interface ViewOptions {
  /** The port of the page; 0 for any free one. Default 8080. */
  readonly port?: number | undefined;
  /** Serves the network, behind a random token. Default false: only this computer. */
  readonly lan?: boolean | undefined;
  /** Certificate and private key (PEM): the page is served over HTTPS. */
  readonly tls?: { readonly cert: string | Uint8Array; readonly key: string | Uint8Array } | undefined;
  /**
   * The pixels that pages get. `'8bit'` halves or quarters the bytes of images for a slow network; statistics and values under the cursor stay
   * exact. Default: `'8bit'` with `lan`, and `'full'` without.
   */
  readonly preview?: Preview | undefined;
  /** A hub whose sources are shown too. `close` leaves it open. */
  readonly hub?: Hub | undefined;
}

const optionNames = ['port', 'lan', 'tls', 'preview', 'hub'];

/** Between two states of the sources. */
const stateMs = 500;

/** Starts the web server. The page is empty until `show`. @throws `ERR_SERPY_OPTION`, `ERR_SERPY_LISTEN` */
export async function openView(options: ViewOptions = {}, clock: ViewClock = systemClock): Promise<View> {
  checkNames(options, optionNames);
  const { port = 8080, lan = false, tls, hub, preview = lan ? '8bit' : 'full' } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new OptionError(`port is a whole number from 0 to 65535, not ${String(port)}`);
  if (preview !== '8bit' && preview !== 'full')
    throw new OptionError(`preview is '8bit' or 'full', not ${String(preview)}`);
  const view = new View(hub ?? (await openHub({}, { clock })), hub === undefined, clock, preview);
  try {
    await view.start({ port, lan, tls });
    return view;
  } catch (error) {
    await view.close();
    throw error;
  }
}

export class View {
  readonly hub: Hub;
  readonly #ownsHub: boolean;
  readonly #preview: Preview;
  readonly #clock: ViewClock;
  readonly #board: PanelBoard;
  readonly #labels = new Map<string, Labels>();
  readonly #viewers = new Set<Viewer>();
  readonly #sources: SourceViews;
  /** The pages of the person who started the view. */
  readonly #owners = new WeakSet<Viewer>();
  readonly #ids = new PanelIds();
  #defaultLabels: Labels | undefined;
  #recorder: HubRecorder | undefined;
  #recording: ViewRecording | undefined;
  #consumer: Consumer | undefined;
  #server: WebServer | undefined;
  #token: string | undefined;
  #ownerToken: string | undefined;
  #scheme: 'http' | 'https' = 'http';
  #timer: unknown;

  /** @param ownsHub whether `close` closes the hub */
  constructor(hub: Hub, ownsHub: boolean, clock: ViewClock, preview: Preview) {
    this.#preview = preview;
    this.hub = hub;
    this.#ownsHub = ownsHub;
    this.#clock = clock;
    this.#sources = new SourceViews(clock);
    this.#board = new PanelBoard(clock, (name) => this.#labels.get(name), this.#ids);
  }

  /** The address for a browser on this computer. With `lan` it ends in a token of its own, which allows to mark intervals. */
  get url(): string {
    return this.#urlOf('127.0.0.1', this.#ownerToken);
  }

  /** With `lan`, the addresses for other devices, which can only look. */
  get lanUrls(): readonly string[] {
    return this.#token === undefined ? [] : ownAddresses().map((host) => this.#urlOf(host, this.#token));
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
    const labels = labelsOf(options);
    if (this.hub.sources.get(name)?.status().state === 'closed') await this.hub.remove(name); // its panels get new values
    await this.hub.add(name, source);
    this.#labels.set(name, labels);
    this.#sources.reach(name, options.address ?? addressOf(source));
  }

  /** Removes a source and its panels. */
  async remove(name: string): Promise<void> {
    await this.hub.remove(name);
    this.#labels.delete(name);
    this.#sources.forget(name);
    this.#board.remove(name);
    this.#broadcast();
  }

  /**
   * Shows a recording, finished or growing, with a time bar. A view has one recording.
   * @throws `ERR_RECORDING_NOT_FOUND`, `ERR_RECORDING_VERSION`, `ERR_RECORDING_DAMAGED`, `ERR_SERPY_OPTION`
   */
  showRecording(folder: string, options: ShowOptions = {}): void {
    this.#defaultLabels = labelsOf(options);
    this.#useRecording(folder, undefined);
  }

  /**
   * Records everything that arrives from now on in a new or empty folder, and shows a time bar. A view has one recording. `close` ends it.
   * The promise resolves when it has begun, its `ended` when nothing more is recorded.
   * @throws `ERR_RECORDING_FOLDER`, `ERR_SERPY_OPTION`
   */
  record(folder: string, options: RecordOptions = {}): { readonly ended: Promise<RecordingEnd> } {
    if (this.#recording) throw new OptionError('a view has one recording: open another view');
    this.#recorder = new HubRecorder(this.hub, folder, options, this.#clock);
    this.#useRecording(folder, this.#recorder);
    return this.#recorder;
  }

  #useRecording(folder: string, recorder: HubRecorder | undefined): void {
    if (this.#recording) throw new OptionError('a view has one recording: open another view');
    this.#recording = new ViewRecording({
      folder,
      recorder,
      clock: this.#clock,
      ids: this.#ids,
      labelsOf: (name) => this.#labels.get(name) ?? this.#defaultLabels,
      state: () => this.#state(),
    });
    for (const viewer of this.#viewers) this.#recording.welcome(viewer, this.#owners.has(viewer));
    this.#broadcast();
  }

  /** Called by `openView`. */
  async start({
    port,
    lan,
    tls,
  }: Required<Pick<ViewOptions, 'port' | 'lan'>> & Pick<ViewOptions, 'tls'>): Promise<void> {
    this.#token = lan ? createToken() : undefined;
    this.#ownerToken = lan ? createToken() : undefined;
    this.#scheme = tls ? 'https' : 'http';
    const hosts = ['127.0.0.1', 'localhost', '[::1]', ...(lan ? [...ownAddresses(), ...ownNames()] : [])];
    this.#server = await startWebServer({
      host: lan ? '0.0.0.0' : '127.0.0.1',
      port: port as number,
      tls,
      guard: new Guard({ token: this.#token, ownerToken: this.#ownerToken, hosts, scheme: this.#scheme }),
      assets: readAssets(),
      clock: this.#clock,
      onPage: (socket, isOwner) => this.#welcome(socket, isOwner),
      download: (of, number) => (of === 'panels' ? this.#board.download(number) : this.#recording?.download(number)),
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
    await this.#recorder?.close();
    this.#recording?.close();
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
    for (const viewer of this.#viewers) {
      if (this.#recording?.isLive(viewer) ?? true) for (const { id } of panels) viewer.poke(id);
    }
  }

  #welcome(socket: WebSocket, isOwner: boolean): void {
    const viewer = new Viewer(socket, this.#board.panels, this.#clock, this.#preview);
    viewer.onUnreadable = (panel, error) => {
      const { panel: log, isNew } = this.#board.note(panel.source, error.message);
      if (isNew) this.#broadcast();
      this.#schedule(log);
    };
    this.#viewers.add(viewer);
    if (isOwner) this.#owners.add(viewer);
    this.#recording?.welcome(viewer, isOwner);
    socket.on('message', (data, isBinary) => {
      if (isBinary || !viewer.receive(String(data))) socket.close(1008, 'no page sends this');
    });
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      viewer.close();
      this.#recording?.leave(viewer);
      this.#viewers.delete(viewer);
      if (this.#viewers.size === 0) this.#clock.clearTimeout(this.#timer);
    });
    if (this.#viewers.size === 1) this.#tick();
    else this.#sendState(viewer, this.#state());
  }

  #tick(): void {
    this.#broadcast();
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => this.#tick(), stateMs);
  }

  #broadcast(): void {
    if (this.#viewers.size === 0) return;
    const state = this.#state();
    for (const viewer of this.#viewers) this.#sendState(viewer, state);
  }

  #sendState(viewer: Viewer, state: FromServer): void {
    if (this.#recording) this.#recording.sendState(viewer, state);
    else viewer.sendState(state);
  }

  #state(): FromServer {
    const files = this.#recording?.snippets() ?? [];
    const live = [...this.hub.sources.values()].map((source) => this.#sources.of(source.status(), files));
    const sources = this.#recorder === undefined ? [...live, ...(this.#recording?.sources() ?? [])] : live;
    return { type: 'state', sources, panels: this.#board.views(), viewers: this.#viewers.size };
  }

  #urlOf(host: string, token: string | undefined): string {
    return `${this.#scheme}://${host}:${this.#server?.port}${token === undefined ? '' : `/#${token}`}`;
  }
}
