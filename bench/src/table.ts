/** Results as text: a Markdown table for each workload, which is also readable in a terminal. */
import { curveTables, isCurve } from './curves.js';
import { digits, markdown } from './markdown.js';
import type { NumberName, Results, Row, Spread, Summary, WarmResults, WorkloadSummary } from './results.js';
import { numbersOf } from './results.js';
import { targetTable } from './target-table.js';
import type { Kind, Workload } from './workload.js';
import { minBinaryBytes } from './workload.js';

interface Column {
  readonly title: string;
  readonly number: NumberName;
  /** The number is divided by this for the unit of the column. */
  readonly divisor?: number;
  readonly spread?: boolean;
}

const rate: Column = { title: 'MB/s', number: 'megabytesPerSecond', spread: true };
const thousands: Column = { title: 'thousand/s', number: 'messagesPerSecond', divisor: 1000, spread: true };
const perGigabyte: Column = { title: 'CPU s/GB', number: 'cpuSecondsPerGigabyte' };
const perMillion: Column = { title: 'CPU s/million', number: 'cpuSecondsPerMillion' };
const peaks: readonly Column[] = [
  { title: 'client peak MiB', number: 'clientPeakMiB' },
  { title: 'server peak MiB', number: 'serverPeakMiB' },
];

const columnsOf: Readonly<Record<Exclude<Kind, 'one-way' | 'v1-mode'>, readonly Column[]>> = {
  'round-trip': [
    { title: 'p50 µs', number: 'p50Us', spread: true },
    { title: 'p99 µs', number: 'p99Us', spread: true },
    perMillion,
    ...peaks,
  ],
  acknowledged: [thousands, perMillion, ...peaks],
  idle: [
    { title: 'server KiB/connection', number: 'serverKiBPerConnection', spread: true },
    { title: 'connections/s', number: 'connectionsPerSecond', spread: true },
    ...peaks,
  ],
  broadcast: [thousands, perMillion, ...peaks],
  request: [thousands, perMillion, ...peaks],
  'paced-broadcast': [thousands, perMillion, ...peaks],
  burst: [thousands, perMillion, ...peaks],
  'slow-reader': [
    { title: 'growth MiB', number: 'growthMiB' },
    { title: 'of it in the second half', number: 'lateGrowthMiB' },
    ...peaks,
  ],
};

function columns({ kind, messageBytes }: Workload): readonly Column[] {
  if (kind !== 'one-way' && kind !== 'v1-mode') return columnsOf[kind];
  return messageBytes < minBinaryBytes ? [thousands, perMillion, ...peaks] : [rate, perGigabyte, ...peaks];
}

function cell(spread: Spread | undefined, { divisor = 1, spread: shown = false }: Partial<Column>): string {
  if (spread === undefined) return '–';
  const [middle, min, max] = [spread.median, spread.min, spread.max].map((value) => digits(value / divisor));
  return shown ? `${middle} (${min}–${max})` : `${middle}`;
}

function workloadTable(workload: Workload, summaries: readonly Summary[], base: string): string {
  const shown = columns(workload);
  const withCpu = summaries.some(({ cpuRatio }) => cpuRatio !== undefined);
  const rows = summaries.map(({ peer, numbers, ratio, cpuRatio }) => [
    peer,
    ...shown.map((column) => cell(numbers[column.number], column)),
    cell(ratio, { spread: true }),
    ...(withCpu ? [cell(cpuRatio, { spread: true })] : []),
  ]);
  return markdown(['', ...shown.map(({ title }) => title), `× ${base}`, ...(withCpu ? [`CPU × ${base}`] : [])], rows);
}

function microTable(rows: readonly Row[]): string {
  const cells = rows.map(({ peer, samples }) => {
    const numbers = numbersOf(samples);
    return [
      peer,
      cell(numbers.megabytesPerSecond, { spread: true }),
      cell(numbers.messagesPerSecond, { spread: true, divisor: 1e6 }),
      cell(numbers.importMs, { spread: true }),
    ];
  });
  return markdown(['', 'MB/s', 'million/s', 'ms'], cells);
}

export function formatResults(results: Results): string {
  const { machine, date, versions, skipped, micro, warm, targets } = results;
  const parts = [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; ${machine.system}; Node ${machine.node}; ${date}`,
    ...(results.rounds > 0 ? freshParts(results) : []),
    ...(micro.length > 0 ? [`### in memory (micro)\n\n${microTable(micro)}`] : []),
    ...(warm ? warmParts(warm) : []),
    ...(targets && targets.length > 0 ? [`## Targets\n\n${targetTable(targets)}`] : []),
    `Versions: ${[...new Set(Object.values(versions))].join('; ')}.`,
    ...(Object.keys(skipped).length > 0 ? [`Skipped:\n${skippedList(skipped)}`] : []),
  ];
  return parts.join('\n\n');
}

function freshParts(results: Results): string[] {
  const { workloads, rounds, seconds, firstHalfSecond, base = 'raw' } = results;
  const what = firstHalfSecond ? 'without a warm-up' : 'with a warm-up';
  return [
    `Fresh processes ${what}, ${rounds} rounds of ${seconds} s each; median (minimum–maximum); × ${base}: ratio to ${base} in the same round.`,
    ...workloadParts(workloads, base),
    ...curveTables(results, digits).map(({ title, head, rows }) => `### ${title}\n\n${markdown(head, rows)}`),
    ...workloads
      .filter(({ workload, rows }) => isCurve(workload) && failures(rows) !== '')
      .map(({ workload, rows }) => `${workload.name}:\n${failures(rows)}`),
  ];
}

function warmParts({ workloads, windows, windowSeconds, base }: WarmResults): string[] {
  return [
    `Warm processes, ${windows} windows of ${windowSeconds} s that alternate; median (minimum–maximum); × ${base}: ratio to the windows of ${base} before and after.`,
    ...workloadParts(workloads, base, 'warm: '),
  ];
}

function workloadParts(workloads: readonly WorkloadSummary[], base: string, mode = ''): string[] {
  return workloads
    .filter(({ workload }) => mode !== '' || !isCurve(workload))
    .map(({ workload, summary, rows }) => {
      const heading = `### ${mode}${workload.title} (${workload.name})`;
      return `${heading}\n\n${workloadTable(workload, summary, base)}${failures(rows)}`;
    });
}

function skippedList(skipped: Results['skipped']): string {
  return Object.entries(skipped)
    .map(([peer, reason]) => `- ${peer}: ${reason}`)
    .join('\n');
}

function failures(rows: readonly Row[]): string {
  const lines = rows.flatMap(({ peer, errors }) => [...new Set(errors)].map((error) => `\n- ${peer} failed: ${error}`));
  return lines.length > 0 ? `\n${lines.join('')}` : '';
}
