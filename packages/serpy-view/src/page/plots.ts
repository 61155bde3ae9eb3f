/** Curves with uPlot: of arrays with one axis, of numbers over time, and along a line of an image. */
import uPlot from 'uplot';
import type { Part } from '../wire/frame.js';
import type { CurveFrame, Frame, PanelView, TrendFrame } from '../wire/messages.js';
import { button, choice, element, setText } from './dom.js';
import { formatValue } from './format.js';
import { PanelBox, type Send } from './panel-box.js';

type Columns = (ArrayLike<number | null> & Iterable<number | null>)[];

interface PlotOptions {
  readonly isTime: boolean;
  readonly isLog: boolean;
  readonly xLabel?: string | undefined;
  readonly yLabel?: string | undefined;
  /** Whether minimum and maximum follow the first column of values. */
  readonly hasBand: boolean;
}

const color = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A plot that is made anew when its options or colors change. */
class Plot {
  readonly #place: HTMLElement;
  #plot: uPlot | undefined;
  #made = '';
  #data: Columns = [];

  constructor(place: HTMLElement) {
    this.#place = place;
    new ResizeObserver(() => this.#resize()).observe(place);
  }

  draw(data: Columns, options: PlotOptions): void {
    this.#data = data;
    const key = JSON.stringify([options, color('--text')]);
    if (key !== this.#made || !this.#plot) {
      this.#made = key;
      this.#plot?.destroy();
      this.#plot = new uPlot(this.#settings(options), data as uPlot.AlignedData, this.#place);
    } else this.#plot.setData(data as uPlot.AlignedData);
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#place;
    if (width > 0 && height > 0) this.#plot?.setSize({ width, height });
  }

  #settings({ isTime, isLog, xLabel, yLabel, hasBand }: PlotOptions): uPlot.Options {
    const axis = { stroke: color('--text'), grid: { stroke: color('--line') }, ticks: { stroke: color('--line') } };
    const values: uPlot.Series = {
      label: 'value',
      stroke: color('--accent'),
      width: 1.5,
      points: { show: this.#data[0] !== undefined && this.#data[0].length < 50 },
    };
    const edge = (label: string): uPlot.Series => ({ label, stroke: 'transparent', points: { show: false } });
    return {
      width: Math.max(50, this.#place.clientWidth),
      height: Math.max(50, this.#place.clientHeight),
      legend: { show: false },
      cursor: { drag: { x: false, y: false } },
      scales: { x: { time: isTime }, y: isLog ? { distr: 3 } : {} },
      axes: [labelled(axis, xLabel), { ...labelled(axis, yLabel), size: 64 }],
      series: hasBand ? [{}, values, edge('min'), edge('max')] : [{}, values],
      ...(hasBand ? { bands: [{ series: [3, 2], fill: color('--band') }] } : {}),
    };
  }
}

/** `-0` and values that a logarithmic axis does not have are gaps. */
function column(part: Part | undefined, isLog: boolean): ArrayLike<number | null> & Iterable<number | null> {
  return Array.from(part ?? [], (value) => (Number.isFinite(value) && (!isLog || value > 0) ? value : null));
}

abstract class PlotPanelBox extends PanelBox {
  protected readonly plot: Plot;
  protected isLog = false;
  readonly #log: HTMLButtonElement;

  constructor(view: PanelView, send: Send) {
    super(view, send);
    this.plot = new Plot(this.body);
    this.#log = button('log', 'Logarithmic axis (g)', () => this.#toggleLog(), { 'aria-pressed': 'false' });
    this.tools.append(this.#log);
  }

  protected override onKey(key: string): boolean {
    if (key === 'g') this.#toggleLog();
    return key === 'g';
  }

  #toggleLog(): void {
    this.isLog = !this.isLog;
    this.#log.setAttribute('aria-pressed', String(this.isLog));
    this.ask({});
  }
}

export class CurvePanelBox extends PlotPanelBox {
  protected draw(header: Frame, [positions, values]: Part[]): void {
    const { points, dtype, statistics } = header as CurveFrame;
    const { min, max, mean, saturated, saturation } = statistics;
    const [xLabel] = this.view.axes;
    const data = [column(positions, false), column(values, this.isLog)];
    this.plot.draw(data, {
      isTime: false,
      isLog: this.isLog,
      hasBand: false,
      xLabel,
      yLabel: this.view.unit ?? undefined,
    });
    const facts = [
      `${dtype} ${points}`,
      `min ${formatValue(min)}`,
      `max ${formatValue(max)}`,
      `mean ${formatValue(mean)}`,
    ];
    if (saturation !== null && saturated > 0) facts.push(`${formatValue(saturated)} saturated`);
    setText(this.facts, facts.join('  ·  '));
  }
}

const spans = { '10000': '10 s', '60000': '1 min', '600000': '10 min', '3600000': '1 h', all: 'all' } as const;

export class TrendPanelBox extends PlotPanelBox {
  readonly #last = element('output', { class: 'last', 'aria-label': 'last value' });

  constructor(view: PanelView, send: Send) {
    super(view, send);
    this.tools.append(
      choice('time span', spans, '60000', (span: keyof typeof spans) =>
        this.ask({ spanMs: span === 'all' ? null : Number(span) }),
      ),
    );
    this.body.before(this.#last);
  }

  protected draw(header: Frame, [times, mean, min, max]: Part[]): void {
    const { last, statistics } = header as TrendFrame;
    const unit = this.view.unit === null ? '' : ` ${this.view.unit}`;
    setText(this.#last, `${formatValue(last)}${unit}`);
    const values = [mean, min, max].map((part) => column(part, this.isLog));
    const yLabel = this.view.unit ?? undefined;
    this.plot.draw([column(times, false), ...values], { isTime: true, isLog: this.isLog, hasBand: true, yLabel });
    const { min: low, max: high, mean: middle, count } = statistics;
    setText(
      this.facts,
      `${formatValue(count)} values  ·  min ${formatValue(low)}  ·  max ${formatValue(high)}  ·  mean ${formatValue(middle)}`,
    );
  }
}

/** The values along a line of an image. */
export class ProfilePlot {
  readonly root = element('div', { class: 'profile', hidden: true });
  readonly #plot = new Plot(this.root);

  draw(values: Float32Array): void {
    this.root.hidden = false;
    const positions = Array.from(values, (_, at) => at);
    this.#plot.draw([positions, column(values, false)], { isTime: false, isLog: false, hasBand: false });
  }

  hide(): void {
    this.root.hidden = true;
  }
}

function labelled(axis: object, label: string | undefined): object {
  return label === undefined ? axis : { ...axis, label };
}
