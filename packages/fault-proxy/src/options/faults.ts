/** The faults of one direction, and of a link: what each takes, and what it is when nothing is said. */
import type { FrameSplitter } from './frame-splitters.js';
import { type Given, type OptionSpec, type OptionSpecs, option, optionError, parseGiven } from './option.js';

/**
 * What happens at a cut; "sender" and "receiver" are those of the direction that is cut:
 * - `'fin'`: both see the other's stream end
 * - `'rst'`: both see their connection reset
 * - `'half-close'`: the receiver sees the stream end; what the sender goes on sending is dropped; the other direction goes on
 * - `'half-open'`: the sender sees its connection reset; the receiver is not told
 * - `'stall'`: nothing passes in this direction until `resume()`, and the sender is held back
 * - `'silent'`: both directions go on taking bytes and drop them; nobody is told, as when a cable is pulled
 */
export type CutHow = 'fin' | 'rst' | 'half-close' | 'half-open' | 'stall' | 'silent';

export const cutHows: readonly CutHow[] = ['fin', 'rst', 'half-close', 'half-open', 'stall', 'silent'];

/** The most that is remembered to be sent twice. */
export const maxDuplicateBytes = 16 * 1024 * 1024;

/** A place in a direction: behind so many bytes of the sender, or behind so many bytes of one of its frames. */
export interface Place {
  /** So many bytes from the link's start. */
  readonly atByte: number | undefined;
  /** This frame, from 0; needs `frames`. */
  readonly frame: number | undefined;
  /** So many bytes of the frame. Default 0. */
  readonly byte: number;
}

/** Where a link is cut, and how. */
export interface CutSettings extends Place {
  /** Default `'rst'`. */
  readonly how: CutHow;
}

/** A byte at a place that changes, or each byte with a probability. */
export interface CorruptSettings extends Place {
  /** The probability that a byte changes. */
  readonly probability: number | undefined;
  /** What the byte is combined with. Default: drawn from the seed. */
  readonly xor: number | undefined;
}

/** What arrives twice. */
export interface DuplicateSettings {
  /** The bytes from here on … */
  readonly fromByte: number | undefined;
  /** … up to here, which is not one of them. */
  readonly toByte: number | undefined;
  /** This frame, from 0; needs `frames`. */
  readonly frame: number | undefined;
  /** This chunk, from 0, as it was read from the sender. */
  readonly chunk: number | undefined;
  /** The probability for each chunk. */
  readonly probability: number | undefined;
}

/** Bytes that nobody sent, and where they arrive. */
export interface InsertSettings extends Place {
  readonly bytes: Buffer;
}

/** All faults of a direction, complete. */
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

/** One, or a list. */
export type OneOrMore<T> = T | readonly T[];

export type Cut = Given<CutSettings>;
export type Corruption = Given<CorruptSettings>;
export type Duplication = Given<DuplicateSettings>;
export type Insertion = Given<Omit<InsertSettings, 'bytes'>> & { readonly bytes: Uint8Array | string };

/** The faults of one direction. All may be left out, and all may be combined. */
export interface Faults {
  /** How long every byte takes, milliseconds. Default 0. */
  readonly latencyMs?: number | undefined;
  /** Up to how much longer, drawn for each chunk, milliseconds; the order is kept. Default 0. */
  readonly jitterMs?: number | undefined;
  /** Default `Infinity`. */
  readonly bytesPerSecond?: number | undefined;
  /** Bytes arrive in slices of so many at most, each written by itself. Default `Infinity`: in the chunks they came in. */
  readonly sliceBytes?: number | undefined;
  /** The slices have 1 to `sliceBytes` bytes, drawn from the seed. Default false. */
  readonly randomSlices?: boolean | undefined;
  /** The time between two slices, milliseconds. Default 0: a turn of the event loop. */
  readonly sliceGapMs?: number | undefined;
  /** So many bytes pass, then none for `stallMs`, then all that came meanwhile at once. Default `Infinity`: never. */
  readonly stallAfterBytes?: number | undefined;
  /** Default `Infinity`: until `resume()`. */
  readonly stallMs?: number | undefined;
  /** Bytes, ends and resets are taken from the sender and dropped: this direction is dead. Default false. */
  readonly swallow?: boolean | undefined;
  /** How frames are cut, for faults that name one. They are counted from where this is set. */
  readonly frames?: FrameSplitter | undefined;
  /** Where the link is cut. Default nowhere. */
  readonly cut?: OneOrMore<Cut> | undefined;
  /** Which bytes are changed. Default none. */
  readonly corrupt?: OneOrMore<Corruption> | undefined;
  /** What arrives twice. Default nothing. */
  readonly duplicate?: OneOrMore<Duplication> | undefined;
  /** Bytes that nobody sent. Default none. */
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

/** Throws unless just one of these names was given a value. */
function takesOneOf<T extends object>(...names: (keyof T & string)[]): (group: T, path: string) => void {
  return (group, path) => {
    const given = names.filter((name) => group[name] !== undefined);
    if (given.length === 1) return;
    const what = given.length === 0 ? 'none of them was given' : `not ${given.join(' and ')} together`;
    throw optionError(`the option ${path} takes one of ${names.join(', ')}: ${what}`);
  };
}

function checkDuplicate(duplicate: DuplicateSettings, path: string): void {
  takesOneOf<DuplicateSettings>('toByte', 'frame', 'chunk', 'probability')(duplicate, path);
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
  cut: option.oneOrMore(option.group(cutSpecs, takesOneOf<CutSettings>('atByte', 'frame'))),
  corrupt: option.oneOrMore(option.group(corruptSpecs, takesOneOf<CorruptSettings>('atByte', 'frame', 'probability'))),
  duplicate: option.oneOrMore(option.group(duplicateSpecs, checkDuplicate)),
  insert: option.oneOrMore(option.group(insertSpecs, takesOneOf<InsertSettings>('atByte', 'frame'))),
};

/** A direction without faults. */
export const noFaults: FaultSettings = Object.fromEntries(
  Object.entries(faultSpecs).map(([name, { default: value }]: [string, OptionSpec<unknown>]) => [name, value]),
) as unknown as FaultSettings;

/**
 * Checks faults and gives those that were said.
 * @param before those in force, as a fault that names a frame may rely on an earlier `frames`
 * @param prefix what stands before the names in messages, such as `up.`
 */
export function parseFaults(input: Faults, before: FaultSettings, prefix: string): Partial<FaultSettings> {
  const given = parseGiven(faultSpecs, input, prefix);
  const after: FaultSettings = { ...before, ...given };
  for (const name of ['cut', 'corrupt', 'duplicate', 'insert'] as const) {
    if (!after.frames && after[name].some(({ frame }) => frame !== undefined)) {
      throw optionError(`the option ${prefix}${name} names a frame: ${prefix}frames must tell how frames are cut`);
    }
  }
  if (after.randomSlices && after.sliceBytes === Number.POSITIVE_INFINITY) {
    throw optionError(`the option ${prefix}randomSlices needs ${prefix}sliceBytes, the length of the longest slice`);
  }
  return given;
}
