/** What statements about streams play with: many messages, more than a link holds, and connections that break off. */
import { isDeepStrictEqual } from 'node:util';
import type { Connection, ProtocolTypes } from 'serpy-core';
import { expect } from 'vitest';
import { type TestBed, waitFor } from './stage.js';

/** What a stream fails with when its connection is over. */
export const broken = { name: 'ConnectionClosedError', code: 'ERR_SERPY_CLOSED' };

/** A sender that soon has to wait. */
export const bounded = { sendQueue: { maxMessages: 4 }, writeTimeoutMs: 0 };

export async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'nothing failed',
    (error) => error,
  );
}

/** Ends a connection as a failure does. */
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
    /** So much that system and network do not hold it on the way. */
    plenty: () => (stage().network ? { count: 60, sizeBytes: 4096 } : { count: 300, sizeBytes: 65_536 }),
    /** As `toEqual`, which takes a while for large bytes. */
    expectLarge: (data: unknown, n: number, sizeBytes: number) =>
      expect(isDeepStrictEqual(data, numbered(n, sizeBytes).data), `message ${n}`).toBe(true),
  };
}
