/** Memory for messages: exactly as much as is asked for, and of its own where that is promised. */
import { expect, test } from 'vitest';
import { allocateMessage, exactFromBytes } from '../../src/buffers/message-buffer.js';

test.each([0, 1, 100, 4095])('%i bytes are there, and may share memory', (sizeBytes) => {
  expect(allocateMessage(sizeBytes).length).toBe(sizeBytes);
});

test.each([4096, 5000, 131_072, 1_000_000])('%i bytes have memory of their own exactly', (sizeBytes) => {
  const memory = allocateMessage(sizeBytes);
  expect([memory.length, memory.byteOffset, memory.buffer.byteLength]).toEqual([sizeBytes, 0, sizeBytes]);
  expect(allocateMessage(sizeBytes).buffer).not.toBe(memory.buffer);
});

test('own memory begins at 4 KiB, as the pages say', () => {
  expect(exactFromBytes).toBe(4096);
});
