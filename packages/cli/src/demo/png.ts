/** An image as a PNG: 16 bits of gray, scaled from its darkest to its brightest pixel. */
import { encode } from 'fast-png';
import type { Image } from './thumbnail.js';

export function encodePng({ data, width, height }: Image): Uint8Array {
  let [darkest, brightest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let at = 0; at < data.length; at++) {
    darkest = Math.min(darkest, data[at] as number);
    brightest = Math.max(brightest, data[at] as number);
  }
  const scale = brightest > darkest ? 0xffff / (brightest - darkest) : 0;
  const gray = Uint16Array.from(data, (value) => Math.round((value - darkest) * scale));
  return encode({ width, height, data: gray, depth: 16, channels: 1 });
}
