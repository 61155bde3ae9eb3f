/** The sending half of a session: what an acknowledgement of a part of it frees. */
import { RecordingHost } from 'serpy-core/testing';
import { expect, test } from 'vitest';
import { type Sendable, Sender } from '../../src/reliable/sender.js';
import { frameType, headerBytes } from '../../src/wire/constants.js';

function message(): Sendable {
  const payload = Buffer.alloc(10);
  const sizeBytes = headerBytes + payload.length;
  const owned = { awaitsAck: false, prefix: undefined, owned: true, level: undefined, endOffset: 0 };
  return { ...owned, type: frameType.bytes, sizeBytes, payload };
}

test.each([
  [8, 1, 6],
  [80, 10, 70],
])('of a buffer for %i messages, an acknowledgement frees segments of %i', (maxMessages, step, keptMessages) => {
  const sender = new Sender(
    { ...new RecordingHost(), warn: () => {}, acknowledged: () => {} },
    { maxMessages, maxBytes: 1e9 },
  );
  sender.linkUp(true);
  sender.raiseLimit(1e9);
  for (; sender.canStart; sender.flush()) sender.send(message());
  expect(sender.keptMessages).toBe(maxMessages);
  expect([...sender.keptRanges()]).toHaveLength(8);

  sender.acknowledged((sender.end / maxMessages) * (step + 1), 0, 1e9, 0);
  expect(sender.keptMessages).toBe(keptMessages);
  expect(sender.canStart).toBe(true);
  sender.acknowledged(sender.end, 0, 1e9, 0);
  expect([sender.keptMessages, sender.keptBytes]).toEqual([0, 0]);
});
