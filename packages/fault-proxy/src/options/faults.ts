/** The faults of one direction: their types, accepted values and defaults. */
import type { FrameSplitter } from './frame-splitters.js';
import { type Given, type OptionSpec, type OptionSpecs, option, optionError, parseGiven } from './option.js';

/**
 * What happens at a cut. The sender and the receiver are those of the direction that is cut:
 * - `'fin'`: both see the other's stream end
 * - `'rst'`: both see their connection reset
 * - `'half-close'`: the receiver sees the stream end; further data of the sender is dropped; the other direction continues
 * - `'half-open'`: the sender sees its connection reset; the receiver notices nothing
 * - `'stall'`: nothing passes in this direction until `resume()`, and the sender is throttled
 * - `'silent'`: both directions read bytes and drop them; neither end notices, as with a pulled cable
 */
export type CutHow = 'fin' | 'rst' | 'half-close' | 'half-open' | 'stall' | 'silent';

export const cutHows: readonly CutHow[] = ['fin', 'rst', 'half-close', 'half-open', 'stall', 'silent'];

/** The largest range or frame that can be duplicated. */
export const maxDuplicateBytes = 16 * 1024 * 1024;

/** A position in a direction, in bytes of the sender: from the start of the link, or from the start of a frame. */
export interface Place {
  /** The number of bytes before the position, from the start of the link. */
  readonly atByte: number | undefined;
  /** The frame that contains the position, from 0. It needs `frames`. */
  readonly frame: number | undefined;
  /** The number of bytes of the frame before the position. Default 0. */
  readonly byte: number;
}

/** A cut: its position and its kind. */
export interface CutSettings extends Place {
  /** Default `'rst'`. */
  readonly how: CutHow;
}

/** A corruption: the byte at a position, or each byte with a probability. */
export interface CorruptSettings extends Place {
  /** The probability that a byte is changed. */
  readonly probability: number | undefined;
  /** The byte is XORed with this. Default: random, from the seed. */
  readonly xor: number | undefined;
}

/** A duplication: the bytes that arrive twice. */
export interface DuplicateSettings {
  /** The first byte of a range. */
  readonly fromByte: number | undefined;
  /** The end of the range; not included. */
  readonly toByte: number | undefined;
  /** A frame, from 0. It needs `frames`. */
  readonly frame: number | undefined;
  /** A chunk as it was read from the sender, from 0. */
  readonly chunk: number | undefined;
  /** The probability that a chunk arrives twice. */
  readonly probability: number | undefined;
}

/** An insertion: additional bytes and their position. */
export interface InsertSettings extends Place {
  readonly bytes: Buffer;
}

/** All faults of a direction, completed with their defaults. */
export interface FaultSettings {
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly bytesPerSecond: number;
  readonly sliceBytes: number;
  readonly randomSlices: boolean;
  readonly sliceGapMs: number;
  readonly stallAfterBytes: number;
  readonly stallMs: number;
  readonly swallow: boolean;
  readonly frames: FrameSplitter | undefined;
  readonly cut: readonly CutSettings[];
  readonly corrupt: readonly CorruptSettings[];
  readonly duplicate: readonly DuplicateSettings[];
  readonly insert: readonly InsertSettings[];
}

/** One value, or a list. */
export type OneOrMore<T> = T | readonly T[];

export type Cut = Given<CutSettings>;
export type Corruption = Given<CorruptSettings>;
export type Duplication = Given<DuplicateSettings>;
export type Insertion = Given<Omit<InsertSettings, 'bytes'>> & { readonly bytes: Uint8Array | string };

/** The faults of one direction. All are optional, and all can be combined. */
export interface Faults {
  /** Delay of all bytes, milliseconds. Default 0. */
  readonly latencyMs?: number | undefined;
  /** Largest additional random delay of each chunk, milliseconds. The order is kept. Default 0. */
  readonly jitterMs?: number | undefined;
  /** Bandwidth, bytes per second. Default `Infinity`. */
  readonly bytesPerSecond?: number | undefined;
  /** Largest slice, bytes. Each slice is written separately. Default `Infinity`: the chunks as they were read. */
  readonly sliceBytes?: number | undefined;
  /** The slices have 1 to `sliceBytes` bytes, random from the seed. Default false. */
  readonly randomSlices?: boolean | undefined;
  /** Time between two slices, milliseconds. Default 0: one turn of the event loop. */
  readonly sliceGapMs?: number | undefined;
  /** After these bytes nothing passes for `stallMs`, and then everything in one burst. Default `Infinity`: never. */
  readonly stallAfterBytes?: number | undefined;
  /** Duration of that stall, milliseconds. Default `Infinity`: until `resume()`. */
  readonly stallMs?: number | undefined;
  /** Drops bytes, ends and resets of the sender: this direction is dead without notice. Default false. */
  readonly swallow?: boolean | undefined;
  /** Finds the length of frames, for faults that name a frame. Frames are counted from the position at which this is set. */
  readonly frames?: FrameSplitter | undefined;
  /** Cuts the link. Default none. */
  readonly cut?: OneOrMore<Cut> | undefined;
  /** Changes bytes. Default none. */
  readonly corrupt?: OneOrMore<Corruption> | undefined;
  /** Repeats bytes. Default none. */
  readonly duplicate?: OneOrMore<Duplication> | undefined;
  /** Inserts bytes. Default none. */
  readonly insert?: OneOrMore<Insertion> | undefined;
}

const place: OptionSpecs<Place> = {
  atByte: option.countFrom(0),
  frame: option.countFrom(0),
  byte: option.countFrom(0, 0),
};

export const cutSpecs: OptionSpecs<CutSettings> = { ...place, how: option.choice(cutHows, 'rst') };

export const corruptSpecs: OptionSpecs<CorruptSettings> = {
  ...place,
  probability: option.probability(),
  xor: option.count(1, 255),
};

export const duplicateSpecs: OptionSpecs<DuplicateSettings> = {
  fromByte: option.countFrom(0),
  toByte: option.countFrom(1),
  frame: option.countFrom(0),
  chunk: option.countFrom(0),
  probability: option.probability(),
};

export const insertSpecs: OptionSpecs<InsertSettings> = { ...place, bytes: option.required(option.bytes()) };

/** A check that exactly one of these options is given. */
function exactlyOneOf<T extends object>(...names: (keyof T & string)[]): (group: T, path: string) => void {
  return (group, path) => {
    const given = names.filter((name) => group[name] !== undefined);
    if (given.length === 1) return;
    const what = given.length === 0 ? 'none of them is given' : `not ${given.join(' and ')} together`;
    throw optionError(`the option ${path} takes exactly one of ${names.join(', ')}: ${what}`);
  };
}

function checkDuplicate(duplicate: DuplicateSettings, path: string): void {
  exactlyOneOf<DuplicateSettings>('toByte', 'frame', 'chunk', 'probability')(duplicate, path);
  const { fromByte, toByte } = duplicate;
  if ((fromByte === undefined) !== (toByte === undefined)) {
    throw optionError(`the option ${path} takes fromByte and toByte together`);
  }
  if (fromByte === undefined || toByte === undefined) return;
  if (toByte > fromByte && toByte - fromByte <= maxDuplicateBytes) return;
  throw optionError(`the option ${path}.toByte takes 1 to ${maxDuplicateBytes} more than fromByte, not ${toByte}`);
}

export const faultSpecs: OptionSpecs<FaultSettings> = {
  latencyMs: option.milliseconds(0),
  jitterMs: option.milliseconds(0),
  bytesPerSecond: option.rate(Number.POSITIVE_INFINITY),
  sliceBytes: option.countOrInfinity(1, Number.POSITIVE_INFINITY),
  randomSlices: option.flag(false),
  sliceGapMs: option.milliseconds(0),
  stallAfterBytes: option.countOrInfinity(0, Number.POSITIVE_INFINITY),
  stallMs: option.millisecondsOrInfinity(Number.POSITIVE_INFINITY),
  swallow: option.flag(false),
  frames: option.callback<FrameSplitter>('a function of the bytes so far that gives the length of their frame'),
  cut: option.oneOrMore(option.group(cutSpecs, exactlyOneOf<CutSettings>('atByte', 'frame'))),
  corrupt: option.oneOrMore(
    option.group(corruptSpecs, exactlyOneOf<CorruptSettings>('atByte', 'frame', 'probability')),
  ),
  duplicate: option.oneOrMore(option.group(duplicateSpecs, checkDuplicate)),
  insert: option.oneOrMore(option.group(insertSpecs, exactlyOneOf<InsertSettings>('atByte', 'frame'))),
};

/** A direction without faults. */
export const noFaults: FaultSettings = Object.fromEntries(
  Object.entries(faultSpecs).map(([name, { default: value }]: [string, OptionSpec<unknown>]) => [name, value]),
) as unknown as FaultSettings;

/**
 * Checks faults. @returns those that were given
 * @param before the current faults, because a fault that names a frame can use an earlier `frames`
 * @param prefix precedes the option names in error messages, such as `up.`
 */
export function parseFaults(input: Faults, before: FaultSettings, prefix: string): Partial<FaultSettings> {
  const given = parseGiven(faultSpecs, input, prefix);
  const after: FaultSettings = { ...before, ...given };
  for (const name of ['cut', 'corrupt', 'duplicate', 'insert'] as const) {
    if (!after.frames && after[name].some(({ frame }) => frame !== undefined)) {
      throw optionError(
        `the option ${prefix}${name} names a frame: give ${prefix}frames, the function that finds the length of frames`,
      );
    }
  }
  if (after.randomSlices && after.sliceBytes === Number.POSITIVE_INFINITY) {
    throw optionError(`the option ${prefix}randomSlices needs ${prefix}sliceBytes, the size of the largest slice`);
  }
  return given;
}
