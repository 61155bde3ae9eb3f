/** The panels of a view: each shows one kind of values of one source, and holds only what a viewer can still ask for. */
import type { About } from 'serpy-core';
import type { HubMessage } from 'serpy-hub';
import type { Part } from '../wire/frame.js';
import type { CurveFrame, LogFrame, PanelKind, PanelRequest, TrendFrame } from '../wire/messages.js';
import { reduceCurve } from './curve.js';
import { type ImageContent, ImageShot, planes } from './image.js';
import { LogHistory, textOf } from './log.js';
import type { Preview } from './preview.js';
import { saturationOf, statisticsOf } from './statistics.js';
import { TrendHistory } from './trend.js';

type Without<F> = Omit<F, 'panel' | 'frame' | 'skipped' | 'delayMs'>;

/** A frame before it is a viewer's. */
export interface Rendered {
  readonly content: ImageContent | Without<CurveFrame> | Without<TrendFrame> | Without<LogFrame>;
  readonly parts: readonly Part[];
}

/** What the page shows beside the values. */
export interface Labels {
  readonly unit: string | undefined;
  readonly axes: readonly string[];
  /** From this value on, a pixel is saturated. */
  readonly saturation: number | undefined;
}

/** Curves and trends are drawn at most so often: more costs a page more than it shows. */
const slowFrameMs = 100;

export abstract class Panel {
  readonly id: number;
  readonly source: string;
  readonly labels: Labels;
  abstract readonly kind: PanelKind;
  /** Between two frames of a viewer. */
  readonly minFrameMs: number = slowFrameMs;
  /** The number of values so far. */
  version = 0;
  lastAtMs = 0;
  /** The name that the sender gave the values. */
  readonly name: string | undefined;
  #about: About | undefined;
  /** When the newest value arrived, by the computer's clock. */
  lastWallMs = 0;
  /** The number of the newest message in its source, or in its recording. */
  lastNumber = 0;

  constructor(id: number, source: string, labels: Labels, name?: string) {
    this.id = id;
    this.source = source;
    this.labels = labels;
    this.name = name;
  }

  /** What the program chose, or else what the sender of the newest value said. */
  get unit(): string | undefined {
    return this.labels.unit ?? this.#about?.unit;
  }

  get axes(): readonly string[] {
    return this.labels.axes.length > 0 ? this.labels.axes : (this.#about?.axes ?? []);
  }

  take(message: HubMessage, wallMs: number): void {
    this.version++;
    this.lastAtMs = message.atMs;
    this.#about = message.about;
    this.lastWallMs = wallMs;
    this.lastNumber = message.number;
    this.update(message, wallMs);
  }

  protected abstract update(message: HubMessage, wallMs: number): void;

  /**
   * @param seen the version of the viewer's last frame
   * @throws `ERR_SERPY_ARRAY_FORMAT` for an array that cannot be decoded
   */
  abstract render(request: PanelRequest, seen: number, nowWallMs: number, preview?: Preview): Rendered;
}

export class ImagePanel extends Panel {
  readonly kind = 'image';
  override readonly minFrameMs = 0;
  shot: ImageShot | undefined;

  protected update(message: HubMessage): void {
    this.shot = new ImageShot(message);
  }

  render(request: PanelRequest, _seen = 0, _nowWallMs = 0, preview: Preview = 'full'): Rendered {
    if (!this.shot) throw new RangeError('an image panel begins with an image');
    return this.shot.render({ ...request, saturation: request.saturation ?? this.labels.saturation ?? null }, preview);
  }
}

export class CurvePanel extends Panel {
  readonly kind = 'curve';
  #message: HubMessage | undefined;

  protected update(message: HubMessage): void {
    this.#message = message;
  }

  render({ width, saturation }: PanelRequest): Rendered {
    if (!this.#message) throw new RangeError('a curve panel begins with a curve');
    const array = this.#message.array();
    const { positions, values, numbers } = reduceCurve(array, width);
    const limit = saturationOf(array.dtype, saturation ?? this.labels.saturation ?? null);
    const statistics = statisticsOf(numbers, 0, numbers.length, limit);
    const content = { kind: 'curve', points: numbers.length, dtype: array.dtype, statistics } as const;
    return { content, parts: [positions, values] };
  }
}

export class TrendPanel extends Panel {
  readonly kind = 'trend';
  readonly #history = new TrendHistory();

  protected update(message: HubMessage, wallMs: number): void {
    this.#history.add(message.reading(), wallMs);
  }

  render({ spanMs }: PanelRequest, _seen: number, nowWallMs: number): Rendered {
    const { times, mean, min, max, statistics } = this.#history.points(spanMs, nowWallMs);
    return { content: { kind: 'trend', last: this.#history.last ?? null, statistics }, parts: [times, mean, min, max] };
  }
}

export class LogPanel extends Panel {
  readonly kind = 'log';
  readonly #history = new LogHistory();

  protected update(message: HubMessage, wallMs: number): void {
    this.#history.add(textOf(message), wallMs);
  }

  /** A line about a message instead of the message. */
  note(text: string, atMs: number, wallMs: number): void {
    this.version++;
    this.lastAtMs = atMs;
    this.lastWallMs = wallMs;
    this.#history.add(text, wallMs);
  }

  render(_request: PanelRequest, seen: number): Rendered {
    return { content: { kind: 'log', isWhole: seen === 0, lines: this.#history.since(seen) }, parts: [] };
  }
}

const classes = { image: ImagePanel, curve: CurvePanel, trend: TrendPanel, log: LogPanel } as const;

export function createPanel(kind: PanelKind, id: number, source: string, labels: Labels, name?: string): Panel {
  return new classes[kind](id, source, labels, name);
}

/** The kind of panel for a message. */
export function panelKindOf(message: HubMessage): PanelKind {
  if (message.kind === 'number') return 'trend';
  if (message.kind === 'array-1d') return 'curve';
  if (!message.kind.startsWith('array') || message.kind === 'array-0d') return 'log';
  return 'image';
}

/** Whether an image has a pixel. */
export function hasPixels(shape: readonly number[]): boolean {
  const { slices, width, height } = planes(shape);
  return slices * width * height > 0;
}
