/** The export of a recording: its messages go to an exporter one by one, so that a recording larger than memory can be exported. */
import type { EventLine, MessageLine, Recording } from 'serpy-recording';
import { isEvent } from 'serpy-recording';
import { type Clock, pause } from '../environment/context.js';

/** Writes messages in a format. */
export interface Exporter {
  /** Why it leaves out messages, for the end of a sentence. */
  readonly leavesOut: string;
  /** Texts that it has cut. */
  readonly cutTexts?: number;
  /**
   * Adds a message.
   * @param read returns its content: an array of serpy-arrays, a value, or bytes
   * @returns whether the format holds it
   */
  add(line: MessageLine, read: () => unknown): boolean;
  /** Adds an event, if the format holds events. */
  event?(line: EventLine): void;
  /** Writes the rest and closes all files. */
  finish(): Promise<void> | void;
  /** Closes all files after a failure. */
  abandon(): void;
}

export interface ExportRange {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

export interface ExportCounts {
  readonly exported: number;
  readonly omitted: number;
  readonly isInterrupted: boolean;
}

/** Work without a pause takes at most this time, so that Ctrl-C is noticed. */
const maxWorkMs = 20;

/** Exports the messages of a range. */
export async function exportMessages(
  recording: Recording,
  exporter: Exporter,
  range: ExportRange,
  clock: Clock,
  signal: AbortSignal,
): Promise<ExportCounts> {
  let exported = 0;
  let omitted = 0;
  let lastPauseMs = clock.now();
  try {
    for (const line of recording.index(range)) {
      if (isEvent(line)) exporter.event?.(line);
      else if (exporter.add(line, () => recording.content(line))) exported++;
      else omitted++;
      if (clock.now() - lastPauseMs < maxWorkMs) continue;
      await pause(clock, 0, signal);
      if (signal.aborted) break;
      lastPauseMs = clock.now();
    }
    if (signal.aborted) exporter.abandon();
    else await exporter.finish();
  } catch (error) {
    exporter.abandon();
    throw error;
  }
  return { exported, omitted, isInterrupted: signal.aborted };
}
