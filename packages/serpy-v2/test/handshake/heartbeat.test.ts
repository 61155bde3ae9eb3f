/** When a session asks its peer for a sign of life, and gives it up. */
import type { SessionOutput } from 'serpy-core';
import { expect, test } from 'vitest';
import { Course } from '../../src/handshake/course.js';

test('a peer that wants to be asked after ages does not make a deadline that no timer can wait for', () => {
  const settings = {
    replay: { maxMessages: 10, maxBytes: 1000 },
    maxMessageBytes: 1000,
    window: { maxMessages: 10, maxBytes: 1000, drops: false },
    pingIntervalMs: 5_000,
    silenceTimeoutMs: 15_000,
  };
  const ticket = { id: Buffer.alloc(16), secret: Buffer.alloc(32) };
  const course = new Course(ticket, settings, { progress: () => {} } as unknown as SessionOutput<never>);
  const limits = { messages: 10, bytes: 1000 };
  course.up({ instance: Buffer.alloc(16), maxMessageBytes: 1000, pingIntervalMs: 2 ** 58, limits }, 0);
  expect(course.deadlineMs).toBe(2 ** 31 - 1);
});
