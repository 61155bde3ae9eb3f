/** Readers that are broken on purpose, to test that a campaign detects it. They run only if they are named. */
import { type CostTarget, timed } from './cost.js';
import type { Target } from './target.js';

const material = { seeds: [{ bytes: Buffer.from('good bytes') }], words: [], numbers: [] };

export const slow: CostTarget = {
  ...material,
  name: 'stumbling-slow',
  mostUsPerByte: 0.1,
  mostHeldPerByte: 1,
  read(bytes) {
    for (const endMs = performance.now() + 300; bytes.includes(0xff) && performance.now() < endMs; );
    return bytes;
  },
};

/** Holds 16 MiB for every input. */
export const fat: CostTarget = { ...slow, name: 'stumbling-fat', read: () => Buffer.alloc(16 * 2 ** 20) };

export const stumbling: readonly Target[] = [
  timed(slow),
  {
    ...material,
    name: 'stumbling-throws',
    run(bytes) {
      if (bytes.includes(0xff)) throw new TypeError('it cannot read FF');
      return { refused: false, messages: 1 };
    },
  },
  {
    ...material,
    name: 'stumbling-hangs',
    run(bytes) {
      while (bytes.includes(0xff));
      return { refused: false, messages: 1 };
    },
  },
  {
    ...material,
    name: 'stumbling-dies',
    run(bytes) {
      if (bytes.includes(0xff)) process.exit(3); // ends the thread
      return { refused: false, messages: 1 };
    },
  },
];
