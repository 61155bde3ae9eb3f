/** Figures as a Markdown table, so that a page can show what a run has printed. */

/** A cell: text to the left, a number to the right. */
export type Cell = string | number;

/** A table of these headings and rows. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const isNumber = headings.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const shown = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? formatNumber(cell) : cell)));
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(headings), line(isNumber.map((right) => (right ? '--:' : '---'))), ...shown.map(line)].join('\n');
}

function formatNumber(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: value < 10 && !Number.isInteger(value) ? 2 : 0 });
}
