/** The memory of messages: of exactly the requested size, and not shared from 4 KiB on. */
import { expect, test } from 'vitest';
import { allocateMessage, exactFromBytes } from '../../src/buffers/message-buffer.js';

test.each([0, 1, 100, 4095])('%i bytes are allocated, and may share memory', (sizeBytes) => {
  expect(allocateMessage(sizeBytes).length).toBe(sizeBytes);
});

test.each([4096, 5000, 131_072, 1_000_000])('%i bytes have memory of exactly their size', (sizeBytes) => {
  const memory = allocateMessage(sizeBytes);
  expect([memory.length, memory.byteOffset, memory.buffer.byteLength]).toEqual([sizeBytes, 0, sizeBytes]);
  expect(allocateMessage(sizeBytes).buffer).not.toBe(memory.buffer);
});

test('messages have memory of their own from 4 KiB on, as the pages say', () => {
  expect(exactFromBytes).toBe(4096);
});
