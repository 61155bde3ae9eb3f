/** The table of targets as text. */
import { digits, markdown } from './markdown.js';
import { isMet, type TargetResult } from './target-results.js';

const head = ['what', '--only', 'processes', 'measured', 'target', 'aim', 'result'];

function verdict(row: TargetResult): string {
  const met = isMet(row);
  if (met === undefined) return row.note ?? 'not measured';
  return `${met ? 'met' : 'missed'}${row.note ? `: ${row.note}` : ''}`;
}

export function targetTable(rows: readonly TargetResult[]): string {
  const cells = rows.map((row) => {
    const bound = (value: number) => `${row.moreIsBetter ? '≥' : '≤'} ${value}${row.unit ? ` ${row.unit}` : ''}`;
    const measured = row.measured === undefined ? '–' : digits(row.measured);
    const aim = row.aim === undefined ? '' : bound(row.aim);
    return [row.what, row.name, row.processes ?? '', measured, bound(row.target), aim, verdict(row)];
  });
  return markdown(head, cells);
}
