/** One measured promise, as a row of a table. */
import { table } from './table.js';

export interface Figure {
  readonly what: string;
  /** The promise. */
  readonly bound: string;
  readonly measured: string;
  readonly ok: boolean;
  /** The errors, as sentences. */
  readonly faults?: readonly string[];
}

type Row = Figure & { readonly command: string };

/** A table of figures, with the command that measures each. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map(({ what, bound, measured, ok, command }) => [
    what,
    bound,
    ok ? measured : `**${measured}**`,
    command,
  ]);
  return table(['promise', 'bound', 'measured', 'command'], cells);
}

/** Prints the figures. @returns whether all promises are kept */
export function showFigures(rows: readonly Row[]): boolean {
  console.log(tableOf(rows));
  for (const { what, faults = [] } of rows) for (const fault of faults.slice(0, 20)) console.log(`\n${what}: ${fault}`);
  return rows.every(({ ok }) => ok);
}

export function middleOf(all: readonly number[]): number {
  const sorted = [...all].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
