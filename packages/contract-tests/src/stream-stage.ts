/** Helpers of the statements about streams: many messages, more than a link buffers, and connections that fail. */
import { isDeepStrictEqual } from 'node:util';
import type { Connection, ProtocolTypes } from 'serpy-core';
import { expect } from 'vitest';
import { type TestBed, waitFor } from './stage.js';

/** The error of a stream whose connection is closed. */
export const broken = { name: 'ConnectionClosedError', code: 'ERR_SERPY_CLOSED' };

/** The options of a sender that soon has to wait. */
export const bounded = { sendQueue: { maxMessages: 4 }, writeTimeoutMs: 0 };

export async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'nothing failed',
    (error) => error,
  );
}

/** Closes a connection with an error. */
export async function breakOff<T extends ProtocolTypes>(client: Connection<T>): Promise<void> {
  client.destroy(new Error('the detector is on fire'));
  await waitFor(() => client.state === 'closed');
}

export function messagesOf<T extends ProtocolTypes>(stage: () => TestBed<T>) {
  const numbered = (n: number, sizeBytes?: number) => stage().subject.numbered(n, sizeBytes);
  return {
    numbered,
    values: (count: number): T['value'][] => Array.from({ length: count }, (_, n) => numbered(n).value),
    datas: (count: number): T['data'][] => Array.from({ length: count }, (_, n) => numbered(n).data),
    /** More than the system and the network buffer. */
    plenty: () => (stage().network ? { count: 60, sizeBytes: 4096 } : { count: 300, sizeBytes: 65_536 }),
    /** As `toEqual`, which takes a while for large bytes. */
    expectLarge: (data: unknown, n: number, sizeBytes: number) =>
      expect(isDeepStrictEqual(data, numbered(n, sizeBytes).data), `message ${n}`).toBe(true),
  };
}
