/** The page: one panel for each kind of values of each source, and the state of everything. */
import type { Part } from '../wire/frame.js';
import type { Frame, FromServer, PanelView, SourceView } from '../wire/messages.js';
import { button, element, setText } from './dom.js';
import { formatBytes, formatRate } from './format.js';
import { ImagePanelBox } from './image-panel.js';
import { Link } from './link.js';
import { LogPanelBox } from './log-panel.js';
import type { PanelBox } from './panel-box.js';
import { CurvePanelBox, TrendPanelBox } from './plots.js';
import { SnippetDialog } from './snippet-dialog.js';
import { TimeBar } from './time-bar.js';

const boxes = { image: ImagePanelBox, curve: CurvePanelBox, trend: TrendPanelBox, log: LogPanelBox } as const;

class Page {
  readonly #panels = new Map<number, PanelBox>();
  readonly #link: Link;
  readonly #grid = element('main', { class: 'grid' });
  readonly #sources = element('ul', { class: 'sources', 'aria-label': 'sources' });
  readonly #status = element('p', { class: 'status', role: 'status' }, 'connecting …');
  readonly #empty = element('p', { class: 'empty' }, 'No value has arrived yet.');
  #state: Extract<FromServer, { type: 'state' }> | undefined;
  #stateAtMs = 0;
  #isUp = false;
  readonly #snippets = new SnippetDialog();
  readonly #time = new TimeBar((message) => this.#link.send(message));

  constructor() {
    const theme = button('☾/☀', 'Dark or light', switchTheme, { 'aria-label': 'dark or light' });
    const top = element(
      'header',
      { class: 'top' },
      element('h1', {}, 'serpy view'),
      this.#status,
      this.#sources,
      theme,
    );
    this.#grid.append(this.#empty);
    document.body.append(top, this.#grid, this.#time.root, help());
    this.#link = new Link({
      onState: (isUp) => this.#linked(isUp),
      onMessage: (message) => this.#take(message),
      onFrame: (header, parts) => this.#takeFrame(header, parts),
    });
    setInterval(() => this.#show(), 500);
  }

  #linked(isUp: boolean): void {
    this.#isUp = isUp;
    document.body.toggleAttribute('data-offline', !isUp);
    if (isUp) for (const panel of this.#panels.values()) panel.reconnected();
    this.#show();
  }

  #take(message: FromServer): void {
    if (message.type === 'probe') {
      const panel = this.#panels.get(message.panel);
      if (panel instanceof ImagePanelBox) panel.showProbe(message);
      return;
    }
    if (message.type === 'time') return this.#time.show(message);
    if (message.type === 'marks') return this.#time.showMarks(message);
    this.#state = message;
    this.#stateAtMs = performance.now();
    this.#place(message.panels);
    this.#show();
  }

  #takeFrame(header: Frame, parts: Part[]): void {
    const panel = this.#panels.get(header.panel);
    if (panel) panel.take(header, parts);
    else this.#link.send({ type: 'credit', panel: header.panel, frame: header.frame }); // the panel was removed meanwhile
  }

  /** Adds new panels and removes those that are gone. A server that was started again numbers them anew. */
  #place(views: readonly PanelView[]): void {
    for (const [id, panel] of this.#panels) {
      const now = views.find((view) => view.id === id);
      if (now?.kind === panel.view.kind && now.title === panel.view.title) continue;
      panel.root.remove();
      this.#panels.delete(id);
    }
    for (const view of views) {
      if (this.#panels.has(view.id)) continue;
      const panel = new boxes[view.kind](view, (message) => this.#link.send(message));
      this.#panels.set(view.id, panel);
      panel.tools.append(this.#snippets.buttonFor(() => ({ view: panel.view, source: this.#sourceOf(panel.view) })));
      this.#grid.append(panel.root);
    }
    this.#time.showPanels(views);
    this.#empty.hidden = views.length > 0;
  }

  #sourceOf({ source }: PanelView): SourceView | undefined {
    return this.#state?.sources.find(({ name }) => name === source);
  }

  #show(): void {
    const { sources = [], panels = [], viewers = 0 } = this.#state ?? {};
    const sinceMs = performance.now() - this.#stateAtMs;
    const pages = viewers === 1 ? '1 page' : `${viewers} pages`;
    const mode = panels.some(({ message }) => message !== null) ? 'recorded' : 'live';
    setText(this.#status, this.#isUp ? `${mode}, ${pages}` : 'page disconnected, trying again …');
    for (const view of panels) {
      const source = sources.find(({ name }) => name === view.source);
      this.#panels.get(view.id)?.showState(view, source, this.#isUp, sinceMs);
    }
    this.#sources.replaceChildren(...sources.map((source) => sourceItem(source, this.#isUp)));
  }
}

const goodStates: readonly string[] = ['connected', 'values'];

/** A source in one line: its link, protocol, rate, reconnects and problem. */
function sourceItem(source: SourceView, isUp: boolean): HTMLLIElement {
  const {
    name,
    url,
    state,
    protocol,
    encrypted,
    inSession,
    reconnects,
    messagesPerSecond,
    bytesPerSecond,
    dropped,
    problem,
  } = source;
  const facts = [
    state === 'values' ? 'values of this program' : state,
    ...(protocol === null ? [] : [`${protocol}${inSession ? ' session' : ''}${encrypted ? ', encrypted' : ''}`]),
    ...(state.startsWith('recording') ? [] : [`${formatRate(messagesPerSecond)}/s`]),
    ...(bytesPerSecond > 0 ? [`${formatBytes(bytesPerSecond)}/s`] : []),
    ...(reconnects > 0 ? [`${reconnects} reconnect${reconnects === 1 ? '' : 's'}`] : []),
    ...(dropped > 0 ? [`${dropped} dropped`] : []),
    ...(problem === null || goodStates.includes(state) ? [] : [problem.slice(0, 200)]),
  ];
  const isGood = isUp && (goodStates.includes(state) || state.startsWith('recording'));
  return element(
    'li',
    { 'data-state': isGood ? 'good' : 'bad', title: url ?? name },
    element('span', { class: 'dot', 'aria-hidden': 'true' }),
    element('b', {}, element('bdi', {}, name)),
    ` ${facts.join(' · ')}`,
  );
}

/** The other theme than the one that is seen. */
function switchTheme(): void {
  const root = document.documentElement;
  const isDark =
    root.dataset['theme'] === 'dark' ||
    (root.dataset['theme'] === undefined && matchMedia('(prefers-color-scheme: dark)').matches);
  root.dataset['theme'] = isDark ? 'light' : 'dark';
}

function help(): HTMLElement {
  const keys = [
    'Tab chooses a panel',
    'f freezes',
    'Enter enlarges',
    '+ − 0 zoom',
    'arrows move',
    'a window',
    'c colors',
    'm mean or max',
    'w p l what dragging does',
    '[ ] slice',
    's PNG',
    'n .npy',
    'g logarithm',
    'recordings: , . step',
    'space plays',
    'v live',
    'i o k keep',
  ];
  return element('footer', {}, keys.join('  ·  '));
}

new Page();
