/** A measurement as text for people, and as an object for programs. */
import type { PortableConnection } from 'serpy';
import { addressOf, formatBinarySize, formatInteger, formatNumber, formatTime } from '../format.js';
import type { OtherEnd } from './bench-protocol.js';
import type { LeftOut, MeasurementEvents, RoundTripResult, ThroughputResult } from './measurement.js';
import { megabytesPerSecond } from './throughput.js';

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
  const rows = histogram.map(({ toMs, count: inBin }) => {
    const bar = inBin === 0 ? '' : '█'.repeat(Math.max(1, Math.round((maxBarLength * inBin) / most)));
    return [`≤ ${formatTime(toMs)}`, bar, formatInteger(inBin)];
  });
  return [
    `Round trip of ${formatBinarySize(sizeBytes)}, ${formatInteger(count)} times:`,
    `  p50 ${formatTime(p50Ms)}, p90 ${formatTime(p90Ms)}, p99 ${formatTime(p99Ms)}, at most ${formatTime(maxMs)}`,
    tableOf(rows, ['right', 'left', 'right']),
  ].join('\n');
}

export function throughputText({ throughput, leftOut }: Pick<Findings, 'throughput' | 'leftOut'>): string {
  const [first] = throughput;
  if (!first) return '';
  const rows = [
    ['size', 'messages/s', 'MB/s', ''],
    ...throughput.map(({ sizeBytes, messages, bytes, elapsedMs, complete }) => [
      formatBinarySize(sizeBytes),
      formatNumber((messages * 1000) / elapsedMs),
      formatNumber(megabytesPerSecond(bytes, elapsedMs)),
      complete ? '' : 'incomplete: not all messages arrived in time',
    ]),
    ...leftOut.map(({ sizeBytes, expectedMs }) => [
      formatBinarySize(sizeBytes),
      '',
      '',
      `omitted: ${omittedText(expectedMs)}`,
    ]),
  ];
  return [`Throughput, ${first.direction}:`, tableOf(rows, ['right', 'right', 'right', 'left'])].join('\n');
}

function omittedText(expectedMs: number): string {
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

/** A table without borders, which can be pasted anywhere: two spaces before each column, none at the end of a row. */
function tableOf(rows: readonly (readonly string[])[], alignments: readonly ('left' | 'right')[]): string {
  const widths = alignments.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const padded = (text: string, column: number) =>
    alignments[column] === 'right' ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0);
  return rows
    .map((row) =>
      row
        .map((text, column) => `  ${padded(text, column)}`)
        .join('')
        .trimEnd(),
    )
    .join('\n');
}
