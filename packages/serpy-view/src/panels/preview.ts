/** Pixels in 8 bits, for slow networks: an image takes a quarter or half of the bytes. Statistics, lines and values under the cursor stay exact. */
import type { Levels } from '../wire/messages.js';

/** Depths of the pixels that pages get. */
export type Preview = '8bit' | 'full';

/** Pixels beyond these levels have the first or the last color: one hot pixel does not take all colors. */
const [lowest, highest] = [1, 9]; // of `quantileLevels`: 0.1 and 99.9 %

const mostCodes = 255;

/** The values of the codes 0 to 255; undefined if 8 bits cannot show the image, as with infinite values. */
export function levelsOf(quantiles: readonly number[]): Levels | undefined {
  const [from = 0, to = 0] = [quantiles[lowest], quantiles[highest]];
  const step = (to - from) / mostCodes || 1;
  return Number.isFinite(from) && Number.isFinite(step) ? { from, step } : undefined;
}

/** The codes of pixels. NaN has the first one. */
export function codesOf(pixels: ArrayLike<number>, { from, step }: Levels): Uint8Array {
  const codes = new Uint8Array(pixels.length);
  const factor = 1 / step;
  for (let at = 0; at < codes.length; at++) {
    const code = ((pixels[at] as number) - from) * factor + 0.5;
    codes[at] = Math.min(Math.max(code, 0), mostCodes);
  }
  return codes;
}
