/** The frame of a panel: its head with state and rates, its body, and what all panels have in common. */
import type { Part } from '../wire/frame.js';
import type { Frame, FromPage, PanelRequest, PanelView, SourceView } from '../wire/messages.js';
import { button, element, setText } from './dom.js';
import { formatAge, formatRate, formatTime, formatValue } from './format.js';
import { type Paintable, painter } from './painter.js';

export type Send = (message: FromPage) => void;

/** A value is old after this number of usual intervals, and at least this time. */
const staleIntervals = 5;
const staleMs = 3000;

export abstract class PanelBox implements Paintable {
  readonly root: HTMLElement;
  readonly body = element('div', { class: 'body' });
  readonly tools = element('div', { class: 'tools' });
  readonly facts = element('p', { class: 'facts' });
  view: PanelView;
  readonly send: Send;
  protected isFrozen = false;
  readonly #title = element('h2', {});
  /** The number of the shown message in a recording. */
  protected message: number | null = null;
  readonly #state = element('span', { class: 'age' });
  readonly #rate = element('span', { class: 'rate' });
  readonly #freeze: HTMLButtonElement;
  #pending: { readonly header: Frame; readonly parts: Part[] } | undefined;
  #owed: number[] = [];
  #skipped = 0;
  #drawn = 0;
  #drawnBefore = 0;
  #countedAtMs = performance.now();
  #shownPerSecond = 0;
  #delayMs: number | null = null;
  #usualMs: number | undefined;
  protected request: PanelRequest = {
    width: 0,
    height: 0,
    region: null,
    reduce: 'mean',
    slice: 0,
    saturation: null,
    line: null,
    spanMs: 60_000,
  };

  constructor(view: PanelView, send: Send) {
    this.view = view;
    this.send = send;
    this.#freeze = button('Freeze', 'Freeze (f)', () => this.freeze(), { 'aria-pressed': 'false' });
    const large = button('Enlarge', 'Enlarge (Enter)', () => this.enlarge());
    const head = element('header', {}, this.#title, this.#rate, this.#state);
    setText(this.#title, headingOf(view));
    this.tools.append(this.#freeze, large);
    this.root = element(
      'section',
      {
        class: `panel ${view.kind}`,
        tabindex: '0',
        'aria-label': `${view.title}, ${view.kind}`,
        'data-kind': view.kind,
      },
      head,
      this.body,
      this.facts,
      this.tools,
    );
    this.root.addEventListener('keydown', (event) => this.#onKey(event));
    new ResizeObserver(() => this.resized()).observe(this.body);
  }

  /** Draws a frame. */
  protected abstract draw(header: Frame, parts: Part[]): void;

  /** Called for a key. Returns whether the panel uses it. */
  protected onKey(_key: string): boolean {
    return false;
  }

  /** The body has another size. */
  protected resized(): void {
    this.ask({ width: this.body.clientWidth * devicePixelRatio, height: this.body.clientHeight * devicePixelRatio });
  }

  /** Asks for frames of another kind, at the latest with the next turn of the browser. */
  ask(change: Partial<PanelRequest>): void {
    this.request = { ...this.request, ...change };
    this.#askSoon();
  }

  /** The server knows nothing of this panel any more. */
  reconnected(): void {
    this.#owed = [];
    this.#askSoon();
    if (this.isFrozen) this.freeze();
  }

  /** A frame arrived. Only the newest one is drawn; each is returned as a credit after that. */
  take(header: Frame, parts: Part[]): void {
    if (this.#pending) this.#skipped++;
    this.onArrival(header);
    this.#pending = { header, parts };
    this.#owed.push(header.frame);
    painter.request(this);
  }

  /** Called for each frame, also for one that is not drawn. */
  protected onArrival(_header: Frame): void {}

  showState(view: PanelView, source: SourceView | undefined, isUp: boolean, sinceMs: number): void {
    this.view = view; // unit and axes come with the values
    setText(this.#title, headingOf(view));
    this.message = view.message;
    if (view.message !== null && isUp) return this.#showPast(view);
    const ageMs = view.ageMs + sinceMs;
    if (view.perSecond > 0) this.#usualMs = 1000 / view.perSecond;
    const isLinked = isUp && (source?.state === 'connected' || source?.state === 'values');
    const isOld = this.#usualMs !== undefined && ageMs > Math.max(staleMs, staleIntervals * this.#usualMs);
    const isStale = !isLinked || isOld;
    this.root.toggleAttribute('data-stale', isStale);
    const why = isUp ? (isLinked ? 'stale' : (source?.state ?? 'gone')) : 'page disconnected';
    setText(this.#state, isStale ? `${why}, ${formatAge(ageMs)} old` : `${formatAge(ageMs)} ago`);
    this.#count();
    const delay = this.#delayMs === null ? '' : `, delay ${formatAge(this.#delayMs)}`;
    const dropped = this.#skipped === 0 ? '' : `, ${this.#skipped.toLocaleString('en-US')} skipped`;
    setText(this.#rate, `${formatRate(this.#shownPerSecond)} of ${formatRate(view.perSecond)}/s${dropped}${delay}`);
  }

  /** A value of a recording has no age: it has a time and a number. */
  #showPast({ message, wallMs }: PanelView): void {
    this.root.removeAttribute('data-stale');
    setText(this.#state, formatTime(wallMs).slice('2026-01-31 '.length));
    setText(this.#rate, `message ${formatValue(message)}`);
  }

  freeze(): void {
    this.isFrozen = !this.isFrozen;
    this.#freeze.setAttribute('aria-pressed', String(this.isFrozen));
    setText(this.#freeze, this.isFrozen ? 'Frozen' : 'Freeze');
    this.root.toggleAttribute('data-frozen', this.isFrozen);
    this.send({ type: 'freeze', panel: this.view.id, frozen: this.isFrozen });
  }

  enlarge(): void {
    const isLarge = this.root.toggleAttribute('data-large');
    document.body.toggleAttribute('data-one', isLarge);
  }

  #askSoon = debounced(30, () => {
    if (this.request.width > 0) this.send({ type: 'request', panel: this.view.id, request: this.request });
  });

  paint(): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending) {
      this.draw(pending.header, pending.parts);
      this.#drawn++;
      this.#skipped += pending.header.skipped;
      this.#delayMs = pending.header.delayMs;
    }
  }

  returnCredits(): void {
    for (const frame of this.#owed.splice(0)) this.send({ type: 'credit', panel: this.view.id, frame });
  }

  #count(): void {
    const now = performance.now();
    if (now - this.#countedAtMs < 900) return;
    this.#shownPerSecond = (1000 * (this.#drawn - this.#drawnBefore)) / (now - this.#countedAtMs);
    this.#drawnBefore = this.#drawn;
    this.#countedAtMs = now;
  }

  #onKey(event: KeyboardEvent): void {
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'f') this.freeze();
    else if (event.key === 'Enter' && event.target === this.root) this.enlarge();
    else if (event.key === 'Escape' && this.root.hasAttribute('data-large')) this.enlarge();
    else if (!this.onKey(event.key)) return;
    event.preventDefault();
  }
}

function headingOf({ title, unit }: PanelView): string {
  return unit === null ? title : `${title} (${unit})`;
}

/** A function that runs once, some time after its first call. */
function debounced(delayMs: number, run: () => void): () => void {
  let isWaiting = false;
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    setTimeout(() => {
      isWaiting = false;
      run();
    }, delayMs);
  };
}
