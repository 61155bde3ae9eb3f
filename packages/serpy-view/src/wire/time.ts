/** The messages about a recording: where the page is in it, and what is marked. */

/** Where the page is in the recording. */
export interface TimeView {
  readonly type: 'time';
  /** The folder. */
  readonly name: string;
  /** `live`: the newest values; `past`: message n, which stays or plays. */
  readonly mode: 'live' | 'past';
  /** The number of the message that is shown; -1 before the first. */
  readonly n: number;
  readonly messages: number;
  /** The time of message n: by the computer's clock, and since the start of the recording. */
  readonly wallMs: number;
  readonly timeMs: number;
  readonly lastWallMs: number;
  /** Whether the recording was closed: no message will come. */
  readonly isClosed: boolean;
  /** Whether the index is still being read. */
  readonly isScanning: boolean;
  /** The speed; null while it does not play. */
  readonly speed: number | null;
  /** Why this page cannot mark; null if it can. */
  readonly cannotMark: string | null;
  /** What is wrong with the files. */
  readonly problem: string | null;
}

export interface MarkView {
  readonly first: number;
  readonly last: number;
  readonly label: string;
}

/** What the bar shows at messages. */
export interface MarksView {
  readonly type: 'marks';
  readonly marks: readonly MarkView[];
  /** The messages before which others may be missing. */
  readonly gaps: readonly number[];
}

/** What a page asks of a recording. */
export type TimeRequest =
  | { readonly type: 'seek'; readonly n: number }
  /** To the next or previous message, of a panel or of any. */
  | { readonly type: 'step'; readonly by: 1 | -1; readonly panel: number | null }
  /** As fast as it was recorded times `speed`. */
  | { readonly type: 'play'; readonly speed: number }
  | { readonly type: 'pause' }
  | { readonly type: 'live' }
  | ({ readonly type: 'mark' } & MarkView);

export const speeds = { least: 0.001, most: 10_000 } as const;
