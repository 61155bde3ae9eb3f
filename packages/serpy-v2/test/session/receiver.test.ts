/** What a peer may not send in a session: told in words, before anything is done with it. */
import type { SessionHost } from 'serpy-core';
import { expect, test } from 'vitest';
import { segmentFlag } from '../../src/session/frames/constants.js';
import { Receiver } from '../../src/session/receiver.js';

test('a first piece with more bytes than it announces of the whole message ends the session', () => {
  const output = { allocate: (sizeBytes: number) => Buffer.alloc(sizeBytes), progress: () => {} };
  const receiver = new Receiver(output as unknown as SessionHost<never>, 1000, {
    maxMessages: 10,
    maxBytes: 10_000,
    drops: false,
  });
  const head = { type: 0x83, flags: segmentFlag.first, number: 0, total: 127, dataBytes: 128 };
  expect(() => receiver.accept(head, Buffer.alloc(128), false)).toThrow(
    expect.objectContaining({
      code: 'ERR_SERPY_PROTOCOL',
      message: 'the peer sent more of a message than it announced',
    }),
  );
});
