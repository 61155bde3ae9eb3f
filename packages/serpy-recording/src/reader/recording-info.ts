/** Counts what the index of a recording lists. */
import { type IndexLine, isEvent, type ListedMark, maxMarks, type RecordingAbout } from '../format/format.js';
import type { ArrayFile } from './read-array.js';

/** What is known about a recording at this moment. */
export interface RecordingInfo extends RecordingAbout {
  readonly messages: number;
  /** The number of messages of each file. */
  readonly messagesOfFile: Readonly<Record<string, number>>;
  readonly gaps: number;
  readonly reconnects: number;
  /** Messages that the recorder received and dropped. */
  readonly dropped: number;
  /** The intervals that were marked. */
  readonly marks: readonly ListedMark[];
  /** The time of the last line that is not a mark, since the start. */
  readonly durationMs: number;
  /** Whether the recording was closed; false while it grows, and after its recorder was killed. */
  readonly isClosed: boolean;
  /** Bytes of an incomplete last line of the index. */
  readonly incompleteBytes: number;
  readonly arrays: readonly ArrayFile[];
}

/** @param next returns the next line, and undefined after the last one */
export function summarize(
  next: () => IndexLine | undefined,
): Omit<RecordingInfo, keyof RecordingAbout | 'incompleteBytes' | 'arrays'> {
  const counts = { messages: 0, gaps: 0, reconnects: 0, dropped: 0, durationMs: 0, isClosed: false };
  const messagesOfFile: Record<string, number> = Object.create(null);
  const marks: ListedMark[] = [];
  for (let line = next(); line; line = next()) {
    if (isEvent(line) && line.type === 'mark') {
      if (marks.length < maxMarks) marks.push(line);
      continue;
    }
    counts.durationMs = Math.max(counts.durationMs, line.timeMs);
    if (!isEvent(line)) {
      counts.messages++;
      messagesOfFile[line.file] = (messagesOfFile[line.file] ?? 0) + 1;
    } else if (line.type === 'gap') counts.gaps++;
    else if (line.type === 'reconnect') counts.reconnects++;
    else if (line.type === 'drop') counts.dropped += line.messages;
    else if (line.type === 'end') counts.isClosed = true;
  }
  return { ...counts, marks, messagesOfFile: { ...messagesOfFile } };
}
