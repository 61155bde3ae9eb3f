/** Tables of pages: rows by heading, and values of cells. */
import { type Page, readPages, type Table } from './pages.js';

export const pages = readPages();

export function pageAt(path: string): Page {
  const found = pages.find((each) => each.path === path);
  if (!found) throw new Error(`there is no page ${path}`);
  return found;
}

/** The tables of a page that have these headings, as one list of rows. */
export function rowsWith({ tables }: Page, ...headings: string[]) {
  const wanted = (table: Table) => headings.every((heading) => table.headings.includes(heading));
  return tables.filter(wanted).flatMap(({ rows }) => rows);
}

const units: Record<string, number> = {
  '': 1,
  ms: 1,
  s: 1000,
  min: 60_000,
  bytes: 1,
  characters: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
};

/** The value of a cell in the unit of the option or constant: `5 s` is `5000`, `64 MiB` is `67108864`. Other text loses its backticks. */
export function figureIn(cell: string): string {
  const code = /^`([^`]+)`/.exec(cell)?.[1];
  if (code !== undefined) return code;
  if (cell === 'see below') return 'each its own';
  const [, digits = '', unit = ''] = /^([\d,]+) ?(\w*)$/.exec(cell) ?? [];
  const factor = units[unit];
  return digits === '' || factor === undefined ? cell : String(Number(digits.replaceAll(',', '')) * factor);
}
