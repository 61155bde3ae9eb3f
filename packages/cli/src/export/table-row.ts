/** A value of a recording as a row of a table: numbers, texts and Python objects. Arrays and bytes are not values. */
import { jsonLine, type MessageLine, OmittedValue } from 'serpy-recording';
import { isoTime } from '../environment/system.js';
import { jsonOf } from '../values/python-objects.js';

export interface TableRow {
  readonly n: number;
  /** Seconds since the start of the recording. */
  readonly timeS: number;
  readonly wallMs: number;
  readonly type: string;
  readonly from: string | undefined;
  /** A number, a text, or a Python object as JSON. */
  readonly value: number | bigint | string;
  /** What the sender said about it. */
  readonly name: string | undefined;
  readonly unit: string | undefined;
}

/** The row of a message; undefined for arrays and bytes. */
export function tableRow(line: MessageLine, read: () => unknown): TableRow | undefined {
  if (!('line' in line)) return undefined;
  const { n, timeMs, wallMs, type, from, about } = line;
  const value = read();
  if (value instanceof OmittedValue) return undefined;
  const isPlain = typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string';
  const { name, unit } = about ?? {};
  return { n, timeS: timeMs / 1000, wallMs, type, from, value: isPlain ? value : jsonLine(jsonOf(value)), name, unit };
}

/** The names of the columns of a CSV. */
export const columns = ['n', 'time_s', 'wall_time', 'type', 'from', 'value', 'name', 'unit'] as const;

/** The row as fields of a CSV. */
export function rowFields({ n, timeS, wallMs, type, from, value, name, unit }: TableRow): string[] {
  return [String(n), String(timeS), isoTime(wallMs), type, from ?? '', numberText(value), name ?? '', unit ?? ''];
}

/** As Python writes it. */
function numberText(value: number | bigint | string): string {
  if (typeof value !== 'number') return String(value);
  if (Object.is(value, -0)) return '-0.0';
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
}
