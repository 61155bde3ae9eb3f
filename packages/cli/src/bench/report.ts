/** A measurement as text for people, and as an object for programs. */
import Table from 'cli-table3';
import type { PortableConnection } from 'serpy';
import { addressOf } from '../format.js';
import type { OtherEnd } from './bench-protocol.js';
import type { LeftOut, MeasurementEvents, RoundTripResult, ThroughputResult } from './measurement.js';
import { formatNumber, formatTime, megabytesPerSecond } from './number-format.js';
import { sizeText } from './payload.js';

/** What is known of a measurement so far. */
export interface Findings {
  readonly link: LinkFacts;
  otherEnd?: OtherEnd;
  roundTrip?: RoundTripResult;
  readonly throughput: ThroughputResult[];
  readonly leftOut: LeftOut[];
}

/** The link that was measured. Neither its key nor its options: figures are passed on. */
export interface LinkFacts {
  readonly host: string;
  readonly port: number;
  readonly protocol: string;
  readonly session: boolean;
  readonly encrypted: boolean;
}

export function linkFacts(connection: PortableConnection): LinkFacts {
  const { remote, peerProtocol, inSession, encrypted } = connection;
  return {
    host: remote?.host ?? '',
    port: remote?.port ?? 0,
    protocol: peerProtocol ?? 'auto',
    session: inSession,
    encrypted,
  };
}

/** Notes what comes, and says so. */
export function collector(findings: Findings, told: () => void): MeasurementEvents {
  const noting =
    <T>(note: (value: T) => void) =>
    (value: T) => {
      note(value);
      told();
    };
  return {
    found: noting((otherEnd: OtherEnd) => {
      findings.otherEnd = otherEnd;
    }),
    roundTrip: noting((roundTrip: RoundTripResult) => {
      findings.roundTrip = roundTrip;
    }),
    throughput: noting((result: ThroughputResult) => void findings.throughput.push(result)),
    leftOut: noting((size: LeftOut) => void findings.leftOut.push(size)),
  };
}

/** Who is measured. */
export function linkText({ host, port, protocol, session, encrypted }: LinkFacts): string {
  return `${addressOf({ host, port })} over ${protocol}${session ? ' in a session' : ''}, ${encrypted ? 'encrypted' : 'not encrypted'}`;
}

const maxBarLength = 40;

export function roundTripText({ sizeBytes, count, p50Ms, p90Ms, p99Ms, maxMs, histogram }: RoundTripResult): string {
  const most = Math.max(...histogram.map((bin) => bin.count));
  const table = plainTable(['right', 'left', 'right']);
  for (const bin of histogram) {
    const bar = bin.count === 0 ? '' : '█'.repeat(Math.max(1, Math.round((maxBarLength * bin.count) / most)));
    table.push([`≤ ${formatTime(bin.toMs)}`, bar, bin.count.toLocaleString('en-US')]);
  }
  return [
    `Round trip of ${sizeText(sizeBytes)}, ${count.toLocaleString('en-US')} times:`,
    `  p50 ${formatTime(p50Ms)}, p90 ${formatTime(p90Ms)}, p99 ${formatTime(p99Ms)}, at most ${formatTime(maxMs)}`,
    textOf(table),
  ].join('\n');
}

export function throughputText({ throughput, leftOut }: Pick<Findings, 'throughput' | 'leftOut'>): string {
  const [first] = throughput;
  if (!first) return '';
  const table = plainTable(['right', 'right', 'right', 'left']);
  table.push(['size', 'messages/s', 'MB/s', '']);
  for (const { sizeBytes, messages, bytes, elapsedMs, complete } of throughput) {
    table.push([
      sizeText(sizeBytes),
      formatNumber((messages * 1000) / elapsedMs),
      formatNumber(megabytesPerSecond(bytes, elapsedMs)),
      complete ? '' : 'cut short: not all arrived in time',
    ]);
  }
  for (const { sizeBytes, expectedMs } of leftOut) {
    table.push([sizeText(sizeBytes), '', '', `left out: ${leftOutText(expectedMs)}`]);
  }
  return [`Throughput, ${first.direction}:`, textOf(table)].join('\n');
}

function leftOutText(expectedMs: number): string {
  const late = 'not enough time';
  return Number.isFinite(expectedMs) ? `${late}, as one message would take about ${formatTime(expectedMs)}` : late;
}

/** For `--json`: one object. */
export function asJson({ link, otherEnd, roundTrip, throughput, leftOut }: Findings, isComplete: boolean): object {
  return {
    ...link,
    otherEnd: otherEnd ?? null,
    complete: isComplete,
    roundTrip: roundTrip ?? null,
    throughput: throughput.map((result) => ({
      ...result,
      messagesPerSecond: (result.messages * 1000) / result.elapsedMs,
      megabytesPerSecond: megabytesPerSecond(result.bytes, result.elapsedMs),
    })),
    leftOut: leftOut.map(({ sizeBytes, expectedMs }) => ({
      sizeBytes,
      expectedMs: Number.isFinite(expectedMs) ? expectedMs : null,
    })),
  };
}

/** Without the spaces that fill up the last column. */
function textOf(table: Table.Table): string {
  return table.toString().replaceAll(/ +$/gm, '');
}

/** A table of columns and nothing else, as it can be pasted anywhere. */
function plainTable(colAligns: ('left' | 'right')[]): Table.Table {
  const none = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '' };
  const more = { 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '' };
  return new Table({
    colAligns,
    chars: { ...none, ...more, right: '', 'right-mid': '', middle: '' },
    style: { head: [], border: [], 'padding-left': 2, 'padding-right': 0 },
  });
}
