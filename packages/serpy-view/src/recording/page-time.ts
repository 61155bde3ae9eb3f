/** The time of one page: answers what it asks, and tells it where it is. */
import type { Viewer } from '../server/viewer.js';
import type { FromServer, PanelView } from '../wire/messages.js';
import type { TimeRequest, TimeView } from '../wire/time.js';
import { Playback } from './playback.js';
import type { ViewRecording } from './view-recording.js';

export class PageTime {
  readonly #recording: ViewRecording;
  readonly #viewer: Viewer;
  readonly #cannotMark: () => string | null;
  readonly #mayMark: boolean;
  readonly #playback: Playback;
  #marksVersion = -1;
  /** Why the last mark failed. */
  #problem: string | null = null;
  #isReady = false;

  /** @param cannotMark why not, now; null if it can. @param mayMark whether a mark of this page is an attack */
  constructor(recording: ViewRecording, viewer: Viewer, cannotMark: () => string | null, mayMark: boolean) {
    this.#recording = recording;
    this.#viewer = viewer;
    this.#cannotMark = cannotMark;
    this.#mayMark = mayMark;
    this.#playback = new Playback({
      timeline: recording.timeline,
      clock: recording.options.clock,
      hasLiveBoard: recording.options.recorder !== undefined,
      createBoard: () => recording.createBoard(),
      onMove: (isOtherBoard) => this.#moved(isOtherBoard),
    });
    this.#isReady = true;
    if (!this.isOnLiveBoard) this.#moved(true);
  }

  get isOnLiveBoard(): boolean {
    return this.#playback.isLive && this.#recording.options.recorder !== undefined;
  }

  /** Returns false for what no page sends. */
  receive(request: TimeRequest): boolean {
    if (request.type !== 'mark') this.#playback.handle(request, this.#channelsOf(request));
    else if (!this.#mayMark) return false;
    else this.#mark(request);
    return true;
  }

  /** The recording has grown. */
  grown(): void {
    this.#playback.grown();
    this.#sendTime();
  }

  /** @param state of the view */
  sendState(state: FromServer): void {
    this.#viewer.sendState(state.type === 'state' && !this.isOnLiveBoard ? { ...state, ...this.#pastState() } : state);
    this.#sendTime();
  }

  close(): void {
    this.#playback.close();
  }

  #pastState(): { readonly panels: readonly PanelView[] } {
    const panels = this.#playback.past?.board.views(true) ?? [];
    return { panels };
  }

  #channelsOf(request: TimeRequest): readonly number[] | undefined {
    const id = request.type === 'step' ? request.panel : null;
    if (id === null) return undefined;
    const view = this.#viewer.panels.get(id);
    return view && this.#recording.timeline.channels.ofPanel(view.kind, view.source);
  }

  #moved(isOtherBoard: boolean): void {
    if (!this.#isReady) return;
    const { past } = this.#playback;
    if (isOtherBoard) this.#viewer.show(this.isOnLiveBoard ? undefined : past?.board.panels);
    this.#viewer.nowWallMs = this.isOnLiveBoard || past === undefined ? undefined : past.wallMs;
    this.sendState(this.#recording.options.state());
    this.#viewer.pokeAll();
  }

  #mark({ first, last, label }: Extract<TimeRequest, { type: 'mark' }>): void {
    this.#problem = null;
    try {
      this.#recording.mark({ first, last, ...(label === '' ? {} : { label }) });
    } catch (error) {
      this.#problem = (error as Error).message;
    }
    this.#sendTime();
  }

  #sendTime(): void {
    const { timeline } = this.#recording;
    this.#viewer.sendState(this.#view());
    if (this.#marksVersion === timeline.marksVersion) return;
    const { marks, gaps } = timeline;
    const shown = marks.map(({ first, last, label = '' }) => ({ first, last, label }));
    const isSent = this.#viewer.sendState({ type: 'marks', marks: shown, gaps });
    if (isSent) this.#marksVersion = timeline.marksVersion;
  }

  #view(): TimeView {
    const { timeline, options } = this.#recording;
    const { past, isLive, n, speed } = this.#playback;
    return {
      type: 'time',
      name: timeline.name,
      mode: isLive ? 'live' : 'past',
      n,
      messages: timeline.messages,
      timeMs: past?.timeMs ?? timeline.lastTimeMs,
      wallMs: past?.wallMs ?? timeline.lastWallMs,
      lastWallMs: timeline.lastWallMs,
      isClosed: timeline.isClosed,
      isScanning: timeline.isScanning,
      speed,
      cannotMark: this.#cannotMark(),
      problem: this.#problem ?? options.recorder?.problem ?? timeline.problem ?? null,
    };
  }
}
