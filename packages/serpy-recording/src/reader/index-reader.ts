/** Reads the lines of an index one after the other, from any message on, also while the index grows. */
import { aboutFrom } from 'serpy-core';
import { errorText, RecordingError } from '../errors.js';
import { files, type IndexLine, isEvent, maxLabelLength } from '../format/format.js';
import { LineCursor } from './line-cursor.js';
import type { RecordedFile } from './recorded-file.js';

/** A place in the index. */
export interface Position {
  /** Where the line begins. */
  readonly offset: number;
  /** Its number, from 0. */
  readonly line: number;
  /** The number of the next message. */
  readonly n: number;
  /** The last header of each file of arrays before this line, in base64. */
  readonly headers: ReadonlyMap<string, string>;
}

export const startPosition: Position = { offset: 0, line: 0, n: 0, headers: new Map() };

export class IndexReader {
  readonly #folder: string;
  readonly #cursor: LineCursor;
  #line: number;
  #n: number;
  #headers: ReadonlyMap<string, string>;

  constructor(folder: string, file: RecordedFile, start: Position = startPosition) {
    this.#folder = folder;
    this.#cursor = new LineCursor(file, start.offset);
    this.#line = start.line;
    this.#n = start.n;
    this.#headers = start.headers;
  }

  /** The place of the next line. */
  get position(): Position {
    return { offset: this.#cursor.offset, line: this.#line, n: this.#n, headers: this.#headers };
  }

  /** The header of the array of the line that was read last. */
  header(file: string): string | undefined {
    return this.#headers.get(file);
  }

  /** The next line, parsed; undefined if there is no further complete line yet. Throws `ERR_RECORDING_DAMAGED`. */
  next(): IndexLine | undefined {
    return this.nextWithText()?.line;
  }

  /** The same with its text. */
  nextWithText(): { readonly line: IndexLine; readonly text: string } | undefined {
    return this.guard(() => {
      const text = this.#cursor.next();
      if (text === undefined) return undefined;
      this.#line++;
      const line = checkedLine(JSON.parse(text));
      if (line.n !== this.#n) throw new SyntaxError(`its n is ${line.n}, and the next message has ${this.#n}`);
      if (isEvent(line)) return { line, text };
      this.#n++;
      if ('row' in line && line.header !== undefined && this.#headers.get(line.file) !== line.header) {
        this.#headers = new Map(this.#headers).set(line.file, line.header);
      }
      return { line, text };
    });
  }

  /** Does something with the line that was read last. Errors become `ERR_RECORDING_DAMAGED` with the number of the line. */
  guard<R>(work: () => R): R {
    try {
      return work();
    } catch (error) {
      const where = this.#line === 0 ? '' : `${files.index}, line ${this.#line}: `;
      throw damaged(this.#folder, `${where}${errorText(error)}`, error);
    }
  }
}

export function damaged(folder: string, why: string, cause: unknown): RecordingError {
  if (cause instanceof RecordingError) return cause;
  return new RecordingError('ERR_RECORDING_DAMAGED', `the recording ${folder} is damaged: ${why}`, { cause });
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isText = (value: unknown, maxLength: number) => typeof value === 'string' && value.length <= maxLength;

const eventFields: Readonly<Record<string, (fields: Record<string, unknown>) => boolean>> = {
  peer: ({ protocol }) => typeof protocol === 'string',
  gap: ({ downMs }) => downMs === null || typeof downMs === 'number',
  reconnect: ({ downMs }) => typeof downMs === 'number',
  drop: ({ messages }) => isCount(messages),
  mark: ({ n, first, last, label = '' }) =>
    isCount(first) && isCount(last) && first <= last && last < Number(n) && isText(label, maxLabelLength),
  end: ({ reason, sha256 }) => typeof reason === 'string' && typeof sha256 === 'object' && sha256 !== null,
};

export function checkedLine(line: unknown): IndexLine {
  const fields = (typeof line === 'object' && line !== null ? line : {}) as Record<string, unknown>;
  const { n, timeMs, wallMs, type, from = '', file, row, line: at, offset, length, header = '' } = fields;
  const areTimes = typeof timeMs === 'number' && typeof wallMs === 'number';
  const isListed = isCount(n) && areTimes && typeof type === 'string' && typeof from === 'string';
  const isPlace = (isCount(row) && typeof header === 'string') || (isCount(offset) && isCount(length));
  const isMessage = typeof file === 'string' && isPlace && (at === undefined || isCount(at));
  const isKnownEvent = file === null && typeof type === 'string' && Object.hasOwn(eventFields, type);
  const isValid = isMessage || (isKnownEvent && eventFields[type as string]?.(fields) === true);
  if (!isListed || !isValid) throw new SyntaxError('it is not a line of an index');
  if (fields.about === undefined) return fields as unknown as IndexLine;
  const { about: given, ...rest } = fields;
  const about = aboutFrom(given);
  return { ...rest, ...(about === undefined ? {} : { about }) } as unknown as IndexLine;
}
