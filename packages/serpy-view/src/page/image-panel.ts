/** The panel of an image or a stack of images. */
import type { Part } from '../wire/frame.js';
import type { Frame, FromServer, ImageFrame, PanelView } from '../wire/messages.js';
import { type ColorMapName, colorMap, colorMapNames } from './color-maps.js';
import { button, choice, element, saveFile, setText } from './dom.js';
import { fileName, formatValue } from './format.js';
import { Histogram } from './histogram.js';
import { ImageCanvas } from './image-canvas.js';
import { followPointers, type Tool, toolNames } from './image-pointers.js';
import { Link } from './link.js';
import { PanelBox, type Send } from './panel-box.js';
import { ProfilePlot } from './plots.js';
import { Viewport } from './viewport.js';
import { WindowLevel, type WindowName, windowNames } from './window-level.js';

export class ImagePanelBox extends PanelBox {
  readonly viewport = new Viewport();
  readonly level = new WindowLevel();
  tool: Tool = 'window';
  readonly #image = new ImageCanvas();
  readonly #histogram = new Histogram((low, high) => {
    this.level.fix(low, high);
    this.redraw();
  });
  readonly #pixel = element('output', { class: 'pixel', 'aria-label': 'pixel under the cursor' });
  readonly #slices = element('input', { type: 'range', min: '0', value: '0', 'aria-label': 'slice', hidden: true });
  readonly #profile = new ProfilePlot();
  #colors = colorMap('even');
  #frame: ImageFrame | undefined;
  #parts: Part[] = [];
  readonly #window: HTMLSelectElement;
  readonly #map: HTMLSelectElement;
  readonly #tool: HTMLSelectElement;
  readonly #reduce: HTMLSelectElement;

  constructor(view: PanelView, send: Send) {
    super(view, send);
    this.#window = choice('window', windowNames, this.level.name, (name: WindowName) => {
      this.level.choose(name);
      this.redraw();
    });
    this.#map = choice('color map', colorMapNames, 'even', (name: ColorMapName) => {
      this.#colors = colorMap(name);
      this.redraw();
    });
    this.#tool = choice('what dragging does', toolNames, this.tool, (tool: Tool) => this.#setTool(tool));
    const reductions = { mean: 'mean', max: 'max' } as const;
    this.#reduce = choice(
      'pixels that share one of the screen',
      reductions,
      'mean',
      (reduce: keyof typeof reductions) => this.ask({ reduce }),
    );
    const saturation = element('input', {
      type: 'number',
      class: 'saturation',
      placeholder: 'saturated from',
      'aria-label': 'saturated from',
      title: 'From this value on, a pixel is saturated and red',
    });
    saturation.addEventListener('change', () =>
      this.ask({ saturation: saturation.value === '' ? null : saturation.valueAsNumber }),
    );
    this.#slices.addEventListener('input', () => this.ask({ slice: this.#slices.valueAsNumber }));
    this.tools.append(
      this.#tool,
      this.#window,
      this.#map,
      this.#reduce,
      button('Fit', 'The whole image (0)', () => this.fit()),
      saturation,
      button('PNG', 'Save the picture as PNG (s)', () => void this.#savePng()),
      button('.npy', 'Save the array as .npy (n)', () => void this.#saveNpy()),
    );
    this.#image.canvas.setAttribute('role', 'img');
    this.#image.canvas.setAttribute('aria-label', `image of ${view.title}`);
    this.body.append(this.#image.canvas, this.#pixel);
    this.facts.before(this.#slices, this.#profile.root);
    this.tools.before(this.#histogram.canvas);
    followPointers(this.#image.canvas, this);
  }

  fit(): void {
    this.viewport.fit();
    this.moved();
  }

  /** The viewport has changed. */
  moved(): void {
    this.#image.paint(this.viewport, this.request.line);
    this.ask({ region: this.viewport.region() });
  }

  /** The window or the color map has changed. */
  redraw(): void {
    if (this.#frame) this.#paint(this.#frame);
  }

  setLine(line: readonly [number, number, number, number] | null): void {
    this.ask({ line });
    if (line === null) this.#profile.hide();
    this.#image.paint(this.viewport, line);
  }

  /** Asks for the value of a pixel. */
  probe(x: number, y: number): void {
    this.send({ type: 'probe', panel: this.view.id, x: Math.floor(x), y: Math.floor(y) });
  }

  showProbe({ x, y, value }: Extract<FromServer, { type: 'probe' }>): void {
    const [vertical = 'y', horizontal = 'x'] = this.view.axes.slice(-2);
    const unit = this.view.unit === null ? '' : ` ${this.view.unit}`;
    setText(this.#pixel, value === '' ? '' : `${horizontal} ${x}, ${vertical} ${y}: ${value}${unit}`);
  }

  protected override resized(): void {
    const { clientWidth, clientHeight } = this.body;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.#image.canvas.width = Math.round(clientWidth * devicePixelRatio);
    this.#image.canvas.height = Math.round(clientHeight * devicePixelRatio);
    this.viewport.setScreen(this.#image.canvas.width, this.#image.canvas.height);
    this.#image.paint(this.viewport, this.request.line);
    this.ask({ width: this.#image.canvas.width, height: this.#image.canvas.height, region: this.viewport.region() });
  }

  protected draw(header: Frame, parts: Part[]): void {
    const frame = header as ImageFrame;
    this.#frame = frame;
    this.#parts = parts;
    const [height = 1, width = 1] = frame.shape.slice(-2);
    if (this.viewport.setImage(width, height)) {
      this.body.style.setProperty('--aspect', String(Math.min(4, Math.max(0.5, width / height))));
      this.ask({ region: null });
    }
    this.#slices.hidden = frame.slices === 1;
    this.#slices.max = String(frame.slices - 1);
    this.#paint(frame);
    this.#showFacts(frame);
    if (frame.hasLine && this.request.line) this.#profile.draw(parts.at(-1) as Float32Array);
  }

  protected override onKey(key: string): boolean {
    const step = 40 * devicePixelRatio;
    const moves: Readonly<Record<string, () => void>> = {
      '+': () => this.viewport.zoom(1.5),
      '=': () => this.viewport.zoom(1.5),
      '-': () => this.viewport.zoom(1 / 1.5),
      '0': () => this.viewport.fit(),
      ArrowLeft: () => this.viewport.pan(step, 0),
      ArrowRight: () => this.viewport.pan(-step, 0),
      ArrowUp: () => this.viewport.pan(0, step),
      ArrowDown: () => this.viewport.pan(0, -step),
    };
    const actions: Readonly<Record<string, () => void>> = {
      a: () => next(this.#window),
      c: () => next(this.#map),
      m: () => next(this.#reduce),
      w: () => this.#setTool('window'),
      p: () => this.#setTool('pan'),
      l: () => this.#setTool('line'),
      s: () => void this.#savePng(),
      n: () => void this.#saveNpy(),
      '[': () => this.#stepSlice(-1),
      ']': () => this.#stepSlice(1),
    };
    const move = moves[key];
    move?.();
    if (move) this.moved();
    actions[key]?.();
    return move !== undefined || key in actions;
  }

  #setTool(tool: Tool): void {
    this.tool = tool;
    this.#tool.value = tool;
    if (tool !== 'line') this.setLine(null);
  }

  #stepSlice(step: number): void {
    this.#slices.valueAsNumber += step;
    this.ask({ slice: this.#slices.valueAsNumber });
  }

  #paint(frame: ImageFrame): void {
    this.level.update(frame.quantiles);
    this.#window.value = this.level.name;
    const { low, high } = this.level;
    const [pixels, second] = this.#parts;
    if (!pixels) return;
    const { from, step } = frame.levels ?? { from: 0, step: 1 };
    const mask = frame.hasMask ? (second as Uint8Array) : undefined;
    this.#image.fill(frame, pixels, mask, (low - from) / step, (high - from) / step, this.#colors);
    this.#image.paint(this.viewport, this.request.line);
    this.#histogram.draw(frame.histogram, low, high);
  }

  #showFacts({ dtype, shape, statistics, bin, slice, slices }: ImageFrame): void {
    const { min, max, mean, nan, saturated, saturation } = statistics;
    const facts = [
      `${dtype} ${shape.join('×')}`,
      ...(slices > 1 ? [`slice ${slice + 1} of ${slices}`] : []),
      `min ${formatValue(min)}`,
      `max ${formatValue(max)}`,
      `mean ${formatValue(mean)}`,
      ...(nan > 0 ? [`${formatValue(nan)} NaN`] : []),
      ...(saturation === null ? [] : [`${formatValue(saturated)} saturated`]),
      ...(bin > 1 ? [`${this.request.reduce} of ${bin}×${bin}`] : []),
      `window ${formatValue(this.level.low)} to ${formatValue(this.level.high)}`,
    ];
    setText(this.facts, facts.join('  ·  '));
    this.root.toggleAttribute('data-saturated', saturated > 0);
  }

  async #savePng(): Promise<void> {
    const png = await this.#image.png();
    if (png) saveFile(fileName(this.view.title, 'png'), png);
  }

  async #saveNpy(): Promise<void> {
    const headers = { Authorization: `Bearer ${Link.token}` };
    const path = this.message === null ? `/panels/${this.view.id}.npy` : `/messages/${this.message}.npy`;
    const response = await fetch(path, { headers });
    if (response.ok) saveFile(fileName(this.view.title, 'npy'), await response.blob());
    else setText(this.facts, await response.text());
  }
}

/** The next choice of a list. */
function next(list: HTMLSelectElement): void {
  list.selectedIndex = (list.selectedIndex + 1) % list.options.length;
  list.dispatchEvent(new Event('change'));
}
