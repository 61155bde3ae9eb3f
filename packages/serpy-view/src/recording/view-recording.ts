/** The recording of a view: one that exists, or the one that the view writes. */
import { type Interval, markRecording } from 'serpy-recording';
import { PanelBoard, type PanelIds } from '../panels/board.js';
import type { Labels } from '../panels/panel.js';
import type { Viewer } from '../server/viewer.js';
import type { SnippetDescription } from '../snippets/snippets.js';
import type { ViewClock } from '../system.js';
import type { FromServer, SourceView } from '../wire/messages.js';
import { PageTime } from './page-time.js';
import type { HubRecorder } from './recorder.js';
import { recordingSnippets } from './recording-snippets.js';
import { Timeline } from './timeline.js';

export interface ViewRecordingOptions {
  readonly folder: string;
  readonly clock: ViewClock;
  readonly ids: PanelIds;
  /** Of the view, where it records. */
  readonly recorder: HubRecorder | undefined;
  labelsOf(source: string): Labels | undefined;
  /** The state of the view, for a page whose panels changed. */
  state(): FromServer;
}

const snippetsMs = 2000;

const viewOnly = 'this page can only look';

export class ViewRecording {
  readonly timeline: Timeline;
  readonly options: ViewRecordingOptions;
  readonly #pages = new Map<Viewer, PageTime>();
  #snippets: readonly SnippetDescription[] = [];
  #snippetsAtMs = Number.NEGATIVE_INFINITY;

  /** @throws `ERR_RECORDING_NOT_FOUND`, `ERR_RECORDING_VERSION`, `ERR_RECORDING_DAMAGED` */
  constructor(options: ViewRecordingOptions) {
    this.options = options;
    const { folder, clock, recorder } = options;
    this.timeline = new Timeline(folder, clock, () => {
      for (const page of this.#pages.values()) page.grown();
    });
    if (recorder) recorder.onWrite = () => this.timeline.refreshSoon();
  }

  createBoard(): PanelBoard {
    const { clock, ids, labelsOf } = this.options;
    return new PanelBoard(clock, labelsOf, ids);
  }

  /** A page was opened. @param mayMark whether it is the page of the person who started the view */
  welcome(viewer: Viewer, mayMark: boolean): void {
    const page = new PageTime(this, viewer, () => (mayMark ? this.#cannotMark() : viewOnly), mayMark);
    this.#pages.set(viewer, page);
    viewer.onTime = (request) => page.receive(request);
  }

  leave(viewer: Viewer): void {
    this.#pages.get(viewer)?.close();
    this.#pages.delete(viewer);
  }

  /** Sends a page the state of the view with the panels that it sees. */
  sendState(viewer: Viewer, state: FromServer): void {
    this.#pages.get(viewer)?.sendState(state);
  }

  /** Whether the page sees the newest values of the view. */
  isLive(viewer: Viewer): boolean {
    return this.#pages.get(viewer)?.isOnLiveBoard ?? true;
  }

  /** The sources of a recording that the view does not write. */
  sources(): SourceView[] {
    const { isClosed, channels, problem, lastWallMs } = this.timeline;
    const { url = null } = this.timeline.recording.about;
    return [...channels.sources].map((name) => ({
      name,
      url,
      state: isClosed ? 'recording' : 'recording, not closed',
      protocol: null,
      encrypted: false,
      inSession: false,
      reconnects: 0,
      messages: 0,
      messagesPerSecond: 0,
      bytesPerSecond: 0,
      dropped: 0,
      ageMs: Math.max(0, this.options.clock.wallMs() - lastWallMs),
      problem: problem ?? null,
      snippets: this.snippets(),
    }));
  }

  /** Looked up at most every two seconds: they change when an array of another type arrives. */
  snippets(): readonly SnippetDescription[] {
    const now = this.options.clock.now();
    if (now - this.#snippetsAtMs < snippetsMs) return this.#snippets;
    this.#snippetsAtMs = now;
    try {
      this.#snippets = recordingSnippets(this.timeline.recording, this.options.folder);
    } catch {} // the page shows what is damaged
    return this.#snippets;
  }

  /** @throws what `markRecording` and `event` throw */
  mark(interval: Interval): void {
    const { recorder, folder, clock } = this.options;
    if (recorder && recorder.problem === undefined) {
      recorder.writer.event({ type: 'mark', ...interval });
      recorder.writer.flush();
    } else markRecording(folder, interval, clock);
    this.timeline.refresh();
  }

  /** The bytes of an array; undefined if message n is not one. */
  download(n: number): Uint8Array | undefined {
    try {
      const value = this.timeline.recording.message(n)?.value;
      return value instanceof Uint8Array ? value : undefined;
    } catch {
      return undefined; // the page shows what is damaged
    }
  }

  close(): void {
    for (const viewer of [...this.#pages.keys()]) this.leave(viewer);
    this.timeline.close();
  }

  #cannotMark(): string | null {
    const { recorder } = this.options;
    const isOurs = recorder !== undefined && recorder.problem === undefined;
    return isOurs || this.timeline.isClosed ? null : 'the recording is not closed: only its recorder can mark it';
  }
}
