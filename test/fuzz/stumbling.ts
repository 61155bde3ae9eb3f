/** Readers that are broken on purpose, to see that a campaign notices: not part of any unless they are asked for by name. */
import type { Target } from './target.js';

const material = { seeds: [{ bytes: Buffer.from('good bytes') }], words: [], numbers: [] };

export const stumbling: readonly Target[] = [
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
