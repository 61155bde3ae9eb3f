/** The time bar: where the page is in the recording, and how it moves. */
import type { FromPage, PanelView } from '../wire/messages.js';
import { type MarksView, speeds, type TimeView } from '../wire/time.js';
import { button, element, setText } from './dom.js';
import { formatAge, formatTime, formatValue } from './format.js';
import { KeepBox } from './record-keep.js';
import { MarkStrip } from './record-marks.js';

/** Between two positions of a drag. */
const seekMs = 40;

/** Kinds of panels whose messages can be stepped through. */
const steppable: readonly string[] = ['image', 'curve', 'trend'];

export class TimeBar {
  readonly root = element('section', { class: 'timebar', 'aria-label': 'time', hidden: true });
  readonly #send: (message: FromPage) => void;
  readonly #slider = element('input', { type: 'range', min: '0', max: '0', value: '0', 'aria-label': 'message' });
  readonly #place = element('output', { class: 'place', 'aria-live': 'off' });
  readonly #problem = element('p', { class: 'problem', role: 'alert' });
  readonly #play = button('Play', 'Play or pause (space)', () => this.#togglePlay());
  readonly #speed = element('input', {
    type: 'number',
    class: 'speed',
    min: String(speeds.least),
    max: String(speeds.most),
    step: 'any',
    value: '1',
    list: 'speeds',
    'aria-label': 'speed',
    title: 'Times the speed of the recording',
  });
  readonly #stepBy = element('select', { 'aria-label': 'step by', title: 'step by' });
  readonly #live = button('Live', 'The newest values (v)', () => this.#goLive(), { 'aria-pressed': 'false' });
  readonly #strip = new MarkStrip();
  readonly #keep: KeepBox;
  #view: TimeView | undefined;
  #isDragging = false;
  #wanted: number | undefined;
  #seekTimer: ReturnType<typeof setTimeout> | undefined;
  #panels = '';

  constructor(send: (message: FromPage) => void) {
    this.#send = send;
    this.#keep = new KeepBox(send, () => this.#view?.n ?? -1);
    const values = ['0.1', '0.5', '1', '2', '5', '10', '100'].map((value) => element('option', { value }));
    const tools = element(
      'div',
      { class: 'tools' },
      button('◀', 'One step back (,)', () => this.step(-1), { 'aria-label': 'step back' }),
      this.#play,
      button('▶', 'One step forward (.)', () => this.step(1), { 'aria-label': 'step forward' }),
      element('label', {}, '×', this.#speed),
      element('datalist', { id: 'speeds' }, ...values),
      this.#stepBy,
      this.#live,
      this.#keep.list,
      this.#keep.opener,
    );
    const track = element('div', { class: 'track' }, this.#strip.canvas, this.#slider);
    this.root.append(track, this.#place, this.#problem, element('div', { class: 'controls' }, tools, this.#keep.root));
    this.#followSlider();
    this.#speed.addEventListener('change', () => {
      if (this.#view?.speed) this.#startPlaying();
    });
    document.addEventListener('keydown', (event) => this.#onKey(event));
    new ResizeObserver(() => this.#drawStrip()).observe(track);
  }

  /** What the page sees: undefined without a recording. */
  get view(): TimeView | undefined {
    return this.#view;
  }

  show(view: TimeView): void {
    this.#view = view;
    this.root.hidden = false;
    const { n, messages, mode, isClosed, isScanning, speed, problem } = view;
    this.#slider.max = String(Math.max(0, messages - 1));
    if (!this.#isDragging && this.#wanted === undefined) this.#slider.value = String(Math.max(0, n));
    const text = this.#placeText(view);
    this.#slider.setAttribute('aria-valuetext', text);
    setText(this.#place, text);
    setText(this.#problem, problem ?? '');
    setText(this.#play, speed === null ? 'Play' : 'Pause');
    const isLive = mode === 'live' && !isClosed;
    this.#live.setAttribute('aria-pressed', String(isLive));
    setText(this.#live, isClosed ? 'End' : 'Live');
    this.root.toggleAttribute('data-past', !isLive);
    this.root.toggleAttribute('aria-busy', isScanning);
    this.#keep.show(view);
    this.#drawStrip();
  }

  showMarks(view: MarksView): void {
    this.#strip.show(view);
    this.#keep.showMarks(view);
    this.#drawStrip();
  }

  /** The panels of the page: one can be stepped through by its messages. */
  showPanels(views: readonly PanelView[]): void {
    const choices = views.filter(({ kind }) => steppable.includes(kind));
    const key = JSON.stringify(choices.map(({ id, title, kind }) => [id, title, kind]));
    if (key === this.#panels) return;
    this.#panels = key;
    const before = this.#stepBy.value;
    const options = choices.map(({ id, title, kind }) =>
      element('option', { value: String(id) }, `step: ${title}, ${kind}`),
    );
    this.#stepBy.replaceChildren(element('option', { value: '' }, 'step: any message'), ...options);
    if (choices.some(({ id }) => String(id) === before)) this.#stepBy.value = before;
  }

  step(by: 1 | -1): void {
    const panel = this.#stepBy.value === '' ? null : Number(this.#stepBy.value);
    this.#send({ type: 'step', by, panel });
  }

  #placeText({ n, messages, wallMs, lastWallMs, isScanning, mode, isClosed }: TimeView): string {
    if (messages === 0) return isScanning ? 'reading the recording …' : 'no message yet';
    const count = `message ${formatValue(n)}, last ${formatValue(messages - 1)}${isScanning ? ', reading on …' : ''}`;
    const before = lastWallMs - wallMs;
    const age =
      mode === 'live' || before < 1 ? (isClosed ? 'the end' : 'the newest') : `${formatAge(before)} before the last`;
    return `${count}  ·  ${formatTime(wallMs)}  ·  ${age}`;
  }

  #followSlider(): void {
    const slider = this.#slider;
    slider.addEventListener('pointerdown', () => {
      this.#isDragging = true;
    });
    for (const name of ['pointerup', 'pointercancel', 'change', 'blur']) {
      slider.addEventListener(name, () => {
        this.#isDragging = false;
      });
    }
    slider.addEventListener('input', () => this.#seekSoon(slider.valueAsNumber));
    slider.addEventListener('keydown', (event) => {
      const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key] as 1 | -1 | undefined;
      if (by === undefined) return;
      event.preventDefault();
      this.step(by);
    });
  }

  /** Of several positions within a short time the last one is sent. */
  #seekSoon(n: number): void {
    this.#wanted = n;
    this.#seekTimer ??= setTimeout(() => {
      this.#seekTimer = undefined;
      if (this.#wanted !== undefined) this.#send({ type: 'seek', n: this.#wanted });
      this.#wanted = undefined;
    }, seekMs);
  }

  #togglePlay(): void {
    if (this.#view?.speed == null) this.#startPlaying();
    else this.#send({ type: 'pause' });
  }

  /** From the beginning, if the end is shown. */
  #startPlaying(): void {
    const { n, messages, isClosed } = this.#view ?? { n: 0, messages: 0, isClosed: false };
    if (isClosed && n >= messages - 1) this.#send({ type: 'seek', n: 0 });
    const speed = Number.isFinite(this.#speed.valueAsNumber) ? this.#speed.valueAsNumber : 1;
    this.#send({ type: 'play', speed: Math.min(speeds.most, Math.max(speeds.least, speed)) });
  }

  #goLive(): void {
    this.#send({ type: 'live' });
  }

  #onKey(event: KeyboardEvent): void {
    const { target } = event;
    const isOther = event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || this.root.hidden;
    if (isOther || target instanceof HTMLSelectElement) return;
    if (target instanceof HTMLInputElement && target.type !== 'range') return;
    const actions: Readonly<Record<string, () => void>> = {
      ',': () => this.step(-1),
      '.': () => this.step(1),
      v: () => this.#goLive(),
      i: () => this.#keep.from(),
      o: () => this.#keep.to(),
      k: () => this.#keep.keep(),
      ...(target instanceof HTMLButtonElement ? {} : { ' ': () => this.#togglePlay() }),
    };
    const action = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined;
    if (!action) return;
    event.preventDefault();
    action();
  }

  #drawStrip(): void {
    this.#strip.draw(this.#view?.messages ?? 0, this.#keep.chosen);
  }
}
