import { describe, expect, test } from 'vitest';
import { decodeFrame, encodeFrame, type Part } from '../../src/wire/frame.js';

const decode = (frame: Uint8Array) => decodeFrame<{ name: string }>(frame.slice().buffer);

describe('a frame', () => {
  test('gives back its header and its typed arrays', () => {
    const parts: Part[] = [
      Uint8Array.of(1, 2, 3),
      Uint16Array.of(65_535),
      Float32Array.of(1.5, Number.NaN),
      Float64Array.of(Math.PI),
      new Float32Array(0),
    ];
    const { header, parts: decoded } = decode(encodeFrame({ name: 'µ and "quotes"' }, parts));
    expect(header).toEqual({ name: 'µ and "quotes"' });
    expect(decoded).toEqual(parts);
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7])('aligns its parts behind a header of any length (%d)', (length) => {
    const { parts } = decode(encodeFrame({ name: 'x'.repeat(length) }, [Uint8Array.of(9), Float64Array.of(2)]));
    expect([...parts[0]!, ...parts[1]!]).toEqual([9, 2]);
  });

  test('sends the part of a larger array', () => {
    const { parts } = decode(encodeFrame({ name: '' }, [Uint16Array.of(1, 2, 3, 4).subarray(1, 3)]));
    expect([...parts[0]!]).toEqual([2, 3]);
  });

  test.each([[new Uint8Array(2)], [new Uint8Array(100).fill(255)], [new Uint8Array(16)]])(
    'of other bytes is refused (%#)',
    (bytes) => {
      expect(() => decode(bytes)).toThrow();
    },
  );
});
