/** Released memory: it is reused for messages of its size, and no older view shows them. */
import { expect, test } from 'vitest';
import { BufferPool, markInUse } from '../../src/buffers/buffer-pool.js';

const MiB = 1024 * 1024;

test('released memory is used for the next message of its size', () => {
  const pool = new BufferPool();
  const first = pool.allocate(8192).fill(7);
  pool.release(first);
  expect(pool.allocate(8192).every((byte) => byte === 7)).toBe(true); // not cleared, so it is the same memory
});

test('the next message has memory of exactly its size', () => {
  const pool = new BufferPool();
  pool.release(pool.allocate(8192));
  const memory = pool.allocate(8192);
  expect([memory.length, memory.byteOffset, memory.buffer.byteLength]).toEqual([8192, 0, 8192]);
});

test('views of released memory are empty', () => {
  const pool = new BufferPool();
  const message = pool.allocate(8192);
  const view = new Float64Array(message.buffer);
  pool.release(message);
  expect([message.length, view.length]).toEqual([0, 0]);
});

test('memory that is released twice is used once', () => {
  const pool = new BufferPool();
  const message = pool.allocate(8192);
  pool.release(message);
  pool.release(message);
  const [one, two] = [pool.allocate(8192), pool.allocate(8192)];
  one.fill(1);
  two.fill(2);
  expect(one.every((byte) => byte === 1)).toBe(true);
});

test('sent bytes stay as they are, and are not reused', () => {
  const pool = new BufferPool();
  const message = pool.allocate(10_000).fill(7);
  markInUse(message.subarray(0, 5000));
  pool.release(message);
  expect(message.length).toBe(10_000);
  expect(pool.allocate(10_000).buffer).not.toBe(message.buffer);
});

test('memory that cannot be marked as sent is not reused', () => {
  const pool = new BufferPool();
  const message = pool.allocate(10_000);
  Object.preventExtensions(message.buffer);
  markInUse(message);
  pool.release(message);
  expect(message.length).toBe(10_000);
});

test('a message of another size gets other memory', () => {
  const pool = new BufferPool();
  pool.release(pool.allocate(8192));
  expect(pool.allocate(8191).buffer.byteLength).toBe(8191);
});

test.each([0, 1, 4095])('%i bytes, which may share memory with others, stay as they are', (sizeBytes) => {
  const pool = new BufferPool();
  const message = Buffer.alloc(sizeBytes, 1);
  pool.release(message);
  expect(message.length).toBe(sizeBytes);
});

test('a part of a message stays as it is, and so does the message', () => {
  const pool = new BufferPool();
  const message = pool.allocate(10_000);
  pool.release(message.subarray(0, 9000));
  expect(message.length).toBe(10_000);
});

test('it keeps at most 64 MiB in total, and the last buffer whatever its size', () => {
  const pool = new BufferPool();
  const messages = Array.from({ length: 9 }, (_, i) => pool.allocate(8 * MiB).fill(i + 1));
  for (const message of messages) pool.release(message);
  const kept = Array.from({ length: 9 }, () => pool.allocate(8 * MiB)[0]);
  expect(kept.slice(0, 8)).toEqual([9, 8, 7, 6, 5, 4, 3, 2]);
  expect(kept[8]).not.toBe(1);
  pool.release(pool.allocate(65 * MiB).fill(5, 0, 1));
  expect(pool.allocate(65 * MiB)[0]).toBe(5);
});

test('it keeps at most 16 buffers', () => {
  const pool = new BufferPool();
  const messages = Array.from({ length: 17 }, (_, i) => pool.allocate(8192).fill(i + 1));
  for (const message of messages) pool.release(message);
  for (let i = 17; i > 1; i--) expect(pool.allocate(8192)[0]).toBe(i);
  expect(pool.allocate(8192)[0]).not.toBe(1);
});
