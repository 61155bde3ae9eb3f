/** The option `about` of `sendData`: what a message is, for people and for files. Its texts are printable, so that they can be shown. */
import { isUtf8 } from 'node:buffer';
import { OptionError } from '../errors.js';
import { printable } from '../printable.js';
import { display } from './option.js';
import { checkNames } from './option-names.js';

/** What a message is. */
export interface About {
  /** The name of the quantity, such as `'temperature'`. */
  readonly name?: string | undefined;
  /** The unit of its numbers, such as `'K'`. */
  readonly unit?: string | undefined;
  /** The names of the axes of an array, in the order of its shape, such as `['y', 'x']`. */
  readonly axes?: readonly string[] | undefined;
}

/** The option of `sendData`. */
export interface AboutOption {
  /**
   * What the message is: its name, the unit of its numbers, and the names of its axes, each at most 64 bytes. The peer reads it as `about` of the
   * message. Only a session carries it: without one, the message is sent without it.
   */
  readonly about?: About | undefined;
}

const names = ['name', 'unit', 'axes'];

/** The largest text, in bytes of UTF-8. */
const maxTextBytes = 64;

/** The largest number of axes: that of numpy. */
export const maxAxes = 32;

const takesText = `a text of 1 to ${maxTextBytes} bytes (UTF-8) without control characters`;
const takesAxes = `a list of 1 to ${maxAxes} texts, each ${takesText}`;

/**
 * A checked copy, which nothing changes.
 * @throws `ERR_SERPY_OPTION` for unknown names and for texts that are empty, too long or not printable
 */
export function parseAbout(given: unknown): About {
  if (given === null || typeof given !== 'object' || Array.isArray(given))
    throw new OptionError(`the option about takes an object with ${names.join(', ')}, not ${display(given)}`);
  checkNames(given, names, 'about.');
  const { name, unit, axes } = given as Record<string, unknown>;
  return aboutOf(
    name === undefined ? undefined : text('about.name', name),
    unit === undefined ? undefined : text('about.unit', unit),
    axes === undefined ? undefined : axisNames(axes),
  );
}

/** Checks the metadata in options of `sendData`, for protocols that do not carry them, too. @throws `ERR_SERPY_OPTION` */
export function checkAbout(options: object): void {
  const { about } = options as AboutOption;
  if (about !== undefined) parseAbout(about);
}

/** The same for texts of a peer or of a file; undefined if one of them is not legal, or if there is none. */
export function aboutFrom(given: unknown): About | undefined {
  try {
    const about = parseAbout(given);
    return Object.keys(about).length === 0 ? undefined : about;
  } catch {
    return undefined;
  }
}

/** The text in bytes of a peer; undefined if they are not legal. */
export function aboutTextFrom(bytes: Buffer): string | undefined {
  if (bytes.length > maxTextBytes || !isUtf8(bytes)) return undefined;
  const given = bytes.toString();
  return isLegal(given) ? given : undefined;
}

/** Without the members that are not there, so that it can be compared and written as JSON. */
export function aboutOf(
  name: string | undefined,
  unit: string | undefined,
  axes: readonly string[] | undefined,
): About {
  return Object.freeze({
    ...(name === undefined ? {} : { name }),
    ...(unit === undefined ? {} : { unit }),
    ...(axes === undefined ? {} : { axes: Object.freeze([...axes]) }),
  });
}

function axisNames(given: unknown): readonly string[] {
  const isList = Array.isArray(given) && given.length > 0 && given.length <= maxAxes;
  if (!isList) throw new OptionError(`the option about.axes takes ${takesAxes}, not ${display(given)}`);
  return Array.from(given, (each, i) => text(`about.axes[${i}]`, each));
}

function text(path: string, given: unknown): string {
  if (typeof given === 'string' && isLegal(given)) return given;
  throw new OptionError(`the option ${path} takes ${takesText}, not ${display(given)}`);
}

function isLegal(given: string): boolean {
  if (given.length > maxTextBytes) return false; // a text of megabytes is not measured
  const bytes = Buffer.byteLength(given);
  return (
    bytes > 0 &&
    bytes <= maxTextBytes &&
    given.trim() !== '' &&
    !/\p{Surrogate}/u.test(given) &&
    printable(given) === given
  );
}
