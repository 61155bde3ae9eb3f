/** The reader of `.npy` as a target: it returns the array of the header or throws a typed error, and does not change the bytes. */
import { decodeNpy, encodeNpy, type NdArray } from 'serpy-arrays';
import { isSerpyError } from 'serpy-core';
import { npySeeds, npyWords } from './seeds.js';
import { RuleBroken, type Target } from './target.js';

export const npyTarget: Target = {
  name: 'npy',
  seeds: npySeeds,
  words: npyWords,
  numbers: [0, 54, 118, 65_535],
  run(bytes) {
    const before = Buffer.from(bytes);
    const array = read(bytes);
    if (!before.equals(bytes)) throw new RuleBroken('it changed the bytes');
    if (array === undefined) return { refused: true, messages: 0 };
    if (array.data.byteLength > 2 * bytes.length) throw new RuleBroken('it made more elements than came');
    const written = encodeNpy(array);
    if (!encodeNpy(decodeNpy(written)).equals(written)) throw new RuleBroken('what it reads, it writes otherwise');
    return { refused: false, messages: 1 };
  },
};

/** The array, or undefined if it is rejected. */
function read(bytes: Buffer): NdArray | undefined {
  try {
    return decodeNpy(bytes);
  } catch (error) {
    if (!isSerpyError(error) || error.code !== 'ERR_SERPY_ARRAY_FORMAT') throw error;
    if (!/^the [\x20-\x7e…]{20,600}$/.test(error.message)) {
      throw new RuleBroken(`a reason that cannot be shown: ${JSON.stringify(error.message)}`);
    }
    return undefined;
  }
}
