import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRecording,
  type RecordedConnection,
  type RecordingWriter,
  recordConnection,
  recordMessage,
} from 'serpy-recording';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder = '';
let recording: RecordingWriter;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'serpy-recording-'));
  recording = createRecording(join(folder, 'run'));
});

afterEach(() => {
  recording.close();
  rmSync(folder, { recursive: true });
});

/** The types of the lines in the index. */
const written = () =>
  readFileSync(join(folder, 'run', 'index.jsonl'), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line).type as string);
const messagesWritten = () => written().filter((type) => type === 'int').length;

/** A connection that has this many messages at once. @param seen called before each further message */
function connectionWith(count: number, seen = () => {}): RecordedConnection {
  let left = count;
  const stats = { messagesReceived: count, droppedReceiving: 7, sessions: 0 };
  return {
    isDataAvailable: () => left > 0,
    closeInfo: {},
    inSession: false,
    encrypted: false,
    protocol: 'v2',
    on: () => {},
    stats: () => stats,
    release: () => {},
    getMessage: async () => {
      seen();
      if (left-- <= 0) throw new Error('closed');
      return { type: 'int', value: left };
    },
  } as unknown as RecordedConnection;
}

test('lines are written when nothing more waits, and name the peer and what was dropped', async () => {
  let before: string[] = [];
  const connection = connectionWith(3, () => (before = written()));
  expect(await recordConnection(connection, recording)).toBe('closed');
  expect(before).toEqual(['peer', 'int', 'int', 'int', 'drop']);
});

test('lines are written after 256 messages at the latest', async () => {
  const counts: number[] = [];
  await recordConnection(
    connectionWith(1000, () => counts.push(messagesWritten())),
    recording,
  );
  expect(counts.length).toBe(1001);
  for (const [received, count] of counts.entries()) expect(received - count).toBeLessThanOrEqual(256);
  expect(messagesWritten()).toBe(1000);
});

test('it ends at its count', async () => {
  expect(await recordConnection(connectionWith(1000), recording, { maxMessages: 5 })).toBe('count');
  expect(recording.messages).toBe(5);
});

test('it ends at the signal with what has arrived', async () => {
  const stop = new AbortController();
  const connection = connectionWith(2) as { -readonly [K in keyof RecordedConnection]: RecordedConnection[K] };
  connection.closeInfo = undefined;
  expect(await recordConnection(connection, recording, { signal: stop.signal })).toBe('signal');
  expect(messagesWritten()).toBe(2);
});

test('lines of several connections are written after 256 messages at the latest, whichever they came from', () => {
  const connection = connectionWith(1);
  for (let n = 0; n < 600; n++) {
    recordMessage(recording, { message: { type: 'int', value: n }, connection, from: `127.0.0.1:${n % 5}` });
  }
  expect(messagesWritten()).toBe(512);
});
