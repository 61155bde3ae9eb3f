import type { PortableConnection } from 'serpy';
import { expect, test } from 'vitest';
import { recordConnection, recordMessage } from '../../src/recording/record.js';
import type { Recorder } from '../../src/recording/recorder.js';

/** A connection that has this many messages at once, and what a recorder was asked to do with them. */
function setUp(count: number) {
  const asked: string[] = [];
  let left = count;
  const connection = {
    isDataAvailable: () => left > 0,
    closeInfo: {},
    release: () => {},
    getMessage: () =>
      left-- > 0 ? Promise.resolve({ type: 'int', value: left }) : Promise.reject(new Error('closed')),
  } as unknown as PortableConnection;
  const recorder: Recorder = {
    get messages() {
      return asked.filter((each) => each === 'add').length;
    },
    get unwritten() {
      return asked.length - 1 - asked.lastIndexOf('flush');
    },
    bytes: 0,
    omittedValues: 0,
    gaps: 0,
    gap: () => undefined,
    add: () => asked.push('add') > 0,
    flush: () => void asked.push('flush'),
    close: () => {},
  };
  return { asked, connection, recorder };
}

test('lines are written when nothing more waits', async () => {
  const { asked, connection, recorder } = setUp(3);
  expect(await recordConnection(connection, recorder, new AbortController().signal)).toBe('closed');
  expect(asked).toEqual(['add', 'add', 'add', 'flush']);
});

test('lines are written after 256 messages at the latest', async () => {
  const { asked, connection, recorder } = setUp(1000);
  await recordConnection(connection, recorder, new AbortController().signal);
  const flushes = asked.flatMap((each, at) => (each === 'flush' ? [at] : []));
  expect(flushes).toEqual([256, 513, 770, 1003]);
});

test('it ends at its count', async () => {
  const { asked, connection, recorder } = setUp(1000);
  expect(await recordConnection(connection, recorder, new AbortController().signal, 5)).toBe('count');
  expect(asked.length).toBe(5);
});

test('lines of several connections are written after 256 messages at the latest, whichever they came from', () => {
  const { asked, connection, recorder } = setUp(1);
  for (let n = 0; n < 600; n++) {
    recordMessage(recorder, { message: { type: 'int', value: n }, connection, from: `127.0.0.1:${n % 5}` });
  }
  expect(asked.flatMap((each, at) => (each === 'flush' ? [at] : []))).toEqual([256, 513]);
});
