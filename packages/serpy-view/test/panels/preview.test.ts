/** Images in 8 bits. */
import { HubMessage } from 'serpy-hub';
import { expect, test } from 'vitest';
import { ImageShot } from '../../src/panels/image.js';
import { codesOf, levelsOf } from '../../src/panels/preview.js';
import { encodeFrame } from '../../src/wire/frame.js';
import type { PanelRequest } from '../../src/wire/messages.js';

const request: PanelRequest = {
  width: 1000,
  height: 1000,
  region: null,
  reduce: 'mean',
  slice: 0,
  saturation: null,
  line: [0, 0, 63, 0],
  spanMs: null,
};
const shot = (data: Uint16Array | Float32Array | Uint8Array, shape: number[]) =>
  new ImageShot(new HubMessage('a', { type: 'value', value: { data, shape } }, 1, 0));

test('a pixel is a byte, at most half a step from its value, and the rest of the frame is the same', () => {
  const data = Uint16Array.from({ length: 4096 }, (_, at) => 1000 + 10 * at);
  const image = shot(data, [64, 64]);
  const [full, small] = [image.render(request), image.render(request, '8bit')];
  const { levels, ...content } = small.content;
  expect(content).toEqual(full.content);
  const [codes, line] = small.parts;
  expect(codes).toBeInstanceOf(Uint8Array);
  expect(line).toEqual(full.parts[1]);
  const { from, step } = levels!;
  for (let at = 50; at < 4000; at++)
    expect(Math.abs(from + step * (codes![at] as number) - (data[at] as number))).toBeLessThanOrEqual(step / 2 + 1e-9);
  const bytes = (parts: typeof full.parts) => encodeFrame({}, parts.slice(0, 1)).length;
  expect(bytes(full.parts) / bytes(small.parts)).toBeGreaterThan(1.95);
  expect(image.render(request, '8bit').parts[0]).toBe(codes); // computed once for all pages
});

test('hot pixels, NaN and infinite values take no colors from the others', () => {
  const data = Float32Array.from({ length: 10_000 }, (_, at) => at % 100);
  data.set([1e30, -1e30, Number.NaN, Number.POSITIVE_INFINITY]);
  const { levels } = shot(data, [100, 100]).render(request, '8bit').content;
  expect(levels?.from).toBeCloseTo(0);
  expect((levels?.step ?? 0) * 255).toBeCloseTo(99);
  expect([...codesOf([Number.NaN, 1e30, -1e30, Number.POSITIVE_INFINITY], levels!)]).toEqual([0, 255, 0, 255]);
});

test('a constant image, an image of infinities and bytes are sent as they are or with one code', () => {
  expect(levelsOf(Array(11).fill(7))).toEqual({ from: 7, step: 1 });
  expect(levelsOf(Array(11).fill(Number.POSITIVE_INFINITY))).toBeUndefined();
  expect(levelsOf([])).toEqual({ from: 0, step: 1 });
  expect(
    shot(Uint8Array.of(1, 2, 3, 4), [2, 2]).render({ ...request, line: null }, '8bit').content.levels,
  ).toBeUndefined();
});
