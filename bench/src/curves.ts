/** Tables of the workloads that differ in one number: a table for each curve, a line for each step. */
import type { NumberName, Results, Summary } from './results.js';
import { minBinaryBytes, type Workload } from './workload.js';

interface Curve {
  /** The prefix of the names of its workloads. */
  readonly prefix: string;
  readonly title: string;
  readonly step: string;
  /** The number that the table shows for a step. */
  number(workload: Workload): NumberName;
}

/** CPU seconds of both ends per million messages. If the cost per message is constant, the column has equal numbers. */
const perMessage = 'cpuSecondsPerMillion';

export const curves: readonly Curve[] = [
  {
    prefix: 'size-',
    title: 'Message size: one way, CPU seconds per million messages; from 4 KiB per GB',
    step: 'bytes',
    number: ({ messageBytes }) => (messageBytes < minBinaryBytes ? perMessage : 'cpuSecondsPerGigabyte'),
  },
  {
    prefix: 'connections-',
    title: 'Connections: 64 B to each in turn, CPU seconds per million messages',
    step: 'connections',
    number: () => perMessage,
  },
  {
    prefix: 'queue-',
    title: 'Queue length: 64 B, twice as many sent at once as the queue holds, CPU seconds per million messages',
    step: 'queue length',
    number: () => perMessage,
  },
];

export interface CurveTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function isCurve({ name }: Workload): boolean {
  return curves.some(({ prefix }) => name.startsWith(prefix));
}

export function curveTables({ workloads }: Results, digits: (value: number) => string): CurveTable[] {
  return curves.flatMap(({ prefix, title, step, number }) => {
    const steps = workloads.filter(({ workload }) => workload.name.startsWith(prefix));
    if (steps.length === 0) return [];
    const peers = [...new Set(steps.flatMap(({ summary }) => summary.map(({ peer }) => peer)))];
    const cellOf = (summary: Summary | undefined, workload: Workload) => {
      const spread = summary?.numbers[number(workload)];
      return spread ? digits(spread.median) : '–';
    };
    const rows = steps.map(({ workload, summary }) => [
      Number(workload.name.slice(prefix.length)).toLocaleString('en'),
      ...peers.map((peer) =>
        cellOf(
          summary.find((each) => each.peer === peer),
          workload,
        ),
      ),
    ]);
    return [{ title, head: [step, ...peers], rows }];
  });
}
