/** The messages between the server and the page. */
import type { SnippetDescription } from '../snippets/snippets.js';
import type { MarksView, TimeRequest, TimeView } from './time.js';

export type PanelKind = 'image' | 'curve' | 'trend' | 'log';

/** What the page shows about a source. */
export interface SourceView {
  readonly name: string;
  readonly url: string | null;
  readonly state: string;
  readonly protocol: string | null;
  readonly encrypted: boolean;
  readonly inSession: boolean;
  readonly reconnects: number;
  readonly messages: number;
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  readonly dropped: number;
  /** Since the last message. */
  readonly ageMs: number | null;
  readonly problem: string | null;
  /** What programs of other languages can read: the instrument, and the files of a recording. */
  readonly snippets: readonly SnippetDescription[];
}

export interface PanelView {
  readonly id: number;
  readonly source: string;
  readonly kind: PanelKind;
  readonly title: string;
  readonly unit: string | null;
  readonly axes: readonly string[];
  /** Since the last value. */
  readonly ageMs: number;
  readonly perSecond: number;
  /** The number of the shown message in the recording; null for a live value. */
  readonly message: number | null;
  /** When the shown value arrived. */
  readonly wallMs: number;
}

/** The text messages of the server. */
export type FromServer =
  | {
      readonly type: 'state';
      readonly sources: readonly SourceView[];
      readonly panels: readonly PanelView[];
      readonly viewers: number;
    }
  | { readonly type: 'probe'; readonly panel: number; readonly x: number; readonly y: number; readonly value: string }
  | TimeView
  | MarksView;

/** The part of an image: left, top, width and height in pixels of the image. */
export type Region = readonly [x: number, y: number, width: number, height: number];

/** What the codes of pixels in 8 bits stand for: code 0 for `from`, the next one for `step` more. */
export interface Levels {
  readonly from: number;
  readonly step: number;
}

/** What the page wants of a panel. */
export interface PanelRequest {
  /** Pixels of the screen. */
  readonly width: number;
  readonly height: number;
  readonly region: Region | null;
  readonly reduce: 'mean' | 'max';
  readonly slice: number;
  /** From this value on, a pixel is saturated; null for the largest value of the type. */
  readonly saturation: number | null;
  /** The ends of a line whose values are wanted, in pixels of the image. */
  readonly line: readonly [x0: number, y0: number, x1: number, y1: number] | null;
  /** Of a trend: the last so many milliseconds; null for everything. */
  readonly spanMs: number | null;
}

/** The messages of the page. */
export type FromPage =
  | { readonly type: 'request'; readonly panel: number; readonly request: PanelRequest }
  | { readonly type: 'credit'; readonly panel: number; readonly frame: number }
  | { readonly type: 'visible'; readonly visible: boolean }
  | { readonly type: 'freeze'; readonly panel: number; readonly frozen: boolean }
  | { readonly type: 'probe'; readonly panel: number; readonly x: number; readonly y: number }
  | TimeRequest;

/** Frames of a panel that the page may hold undrawn. */
export const creditsPerPanel = 2;

interface AnyFrame {
  readonly panel: number;
  /** The number of the frame for this viewer; a credit returns it. */
  readonly frame: number;
  /** Values that the viewer did not get since its last frame. */
  readonly skipped: number;
  /** From the arrival of the previous drawn value to the return of its credit. */
  readonly delayMs: number | null;
}

export interface Statistics {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly nan: number;
  readonly saturated: number;
  /** From this value on; null where the type has no largest value and none was chosen. */
  readonly saturation: number | null;
}

/** Parts: pixels; a byte per pixel that is 1 where one was saturated, if any was; values along the line, if one is wanted. */
export interface ImageFrame extends AnyFrame {
  readonly kind: 'image';
  readonly width: number;
  readonly height: number;
  /** Pixels of the image in a pixel of the frame, per axis. */
  readonly bin: number;
  readonly region: Region;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly slice: number;
  readonly slices: number;
  readonly statistics: Statistics;
  /** The values below which 0, 0.1, 1, 5, 25, 50, 75, 95, 99, 99.9 and 100 % of the pixels are. */
  readonly quantiles: readonly number[];
  readonly histogram: { readonly from: number; readonly to: number; readonly counts: readonly number[] };
  readonly hasMask: boolean;
  readonly hasLine: boolean;
  /** Of pixels in 8 bits that stand for other values. */
  readonly levels?: Levels | undefined;
}

/** The parts of `quantiles`, of 1. */
export const quantileLevels = [0, 0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1] as const;

/** Parts: positions and values. */
export interface CurveFrame extends AnyFrame {
  readonly kind: 'curve';
  readonly points: number;
  readonly dtype: string;
  readonly statistics: Statistics;
}

/** Parts: seconds since 1970, mean, minimum and maximum. */
export interface TrendFrame extends AnyFrame {
  readonly kind: 'trend';
  readonly last: number | null;
  readonly statistics: { readonly min: number; readonly max: number; readonly mean: number; readonly count: number };
}

export interface LogLine {
  readonly wallMs: number;
  readonly text: string;
}

/** The lines that are new since the last frame. */
export interface LogFrame extends AnyFrame {
  readonly kind: 'log';
  /** Whether they replace all earlier lines. */
  readonly isWhole: boolean;
  readonly lines: readonly LogLine[];
}

export type Frame = ImageFrame | CurveFrame | TrendFrame | LogFrame;
