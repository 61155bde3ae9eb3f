/** Formats figures as a Markdown table, which a page can contain. */

/** A cell: text is aligned left, a number right. */
export type Cell = string | number;

/** Formats a table with these headings and rows. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const isNumber = headings.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const shown = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? formatNumber(cell) : cell)));
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(headings), line(isNumber.map((right) => (right ? '--:' : '---'))), ...shown.map(line)].join('\n');
}

function formatNumber(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 10 && !Number.isInteger(value) ? 2 : 0 });
}
