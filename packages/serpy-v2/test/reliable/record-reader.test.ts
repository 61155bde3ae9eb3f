/** What a record reader allocates for a record that is incomplete. */
import { expect, test } from 'vitest';
import { RecordReader } from '../../src/reliable/record-reader.js';
import { record, typeOf } from './wire.js';

test('the length in a header allocates nothing: the buffer of a record grows with the bytes that arrive', () => {
  const bytes = record(typeOf.data, Buffer.alloc(1_000_000, 7));
  const reader = new RecordReader(true);
  let arrived = 0;
  while (arrived < bytes.length) {
    const part = bytes.subarray(arrived, arrived + 10_000);
    arrived += part.length;
    reader.push(part);
    const isComplete = reader.read();
    expect(isComplete).toBe(arrived === bytes.length);
    reader.keep();
    const free = reader.target(1)?.length ?? 0;
    if (arrived < 256 * 1024) expect(arrived + free).toBeLessThanOrEqual(4 * arrived);
  }
  expect(reader.end - reader.start).toBe(1_000_000);
});
