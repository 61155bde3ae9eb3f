/** A measurement as text, and as an object for `--json`. */
import type { PortableConnection } from 'serpy';
import { addressOf, formatBinarySize, formatInteger, formatNumber, formatTime } from '../format.js';
import type { OtherEnd } from './bench-protocol.js';
import type { MeasurementEvents, OmittedSize, RoundTripResult, ThroughputResult } from './measurement.js';
import { megabytesPerSecond } from './throughput.js';

/** The results of a measurement so far. */
export interface Findings {
  readonly link: LinkFacts;
  otherEnd?: OtherEnd;
  roundTrip?: RoundTripResult;
  readonly throughput: ThroughputResult[];
  readonly omitted: OmittedSize[];
}

/** The measured connection, without its key and options, because users publish figures. */
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

/** Collects the results. @param onRoundTrip called with the result of the round trips */
export function collector(findings: Findings, onRoundTrip: (result: RoundTripResult) => void): MeasurementEvents {
  return {
    found(otherEnd) {
      findings.otherEnd = otherEnd;
    },
    roundTrip(result) {
      findings.roundTrip = result;
      onRoundTrip(result);
    },
    throughput: (result) => void findings.throughput.push(result),
    omitted: (size) => void findings.omitted.push(size),
  };
}

/** The measured connection as text. */
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

export function throughputText({ throughput, omitted }: Pick<Findings, 'throughput' | 'omitted'>): string {
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
    ...omitted.map(({ sizeBytes, expectedMs }) => [
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
export function asJson({ link, otherEnd, roundTrip, throughput, omitted }: Findings, isComplete: boolean): object {
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
    leftOut: omitted.map(({ sizeBytes, expectedMs }) => ({
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
