/** How far a receiver has taken all, where its queue drops what is newest: against a list of all messages. */
import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import { DroppedRanges } from '../../src/session/dropped-ranges.js';

const step = fc.record({
  what: fc.constantFrom('keep', 'drop', 'drop', 'take'),
  /** How many numbers the message takes, and how many others lie before it: parts of streams. */
  pieces: fc.integer({ min: 1, max: 3 }),
  others: fc.nat(2),
});

test.prop([fc.nat(5), fc.array(step, { maxLength: 40 })])(
  'a dropped message counts as taken when all before it are, and no other does',
  (begin, steps) => {
    const dropped = new DroppedRanges(begin);
    const messages: { end: number; done: boolean }[] = [];
    let next = begin;
    let taken = begin;
    for (const { what, pieces, others } of steps) {
      if (what === 'take') {
        const first = messages.find(({ done }) => !done);
        if (first === undefined) continue;
        first.done = true;
        taken = dropped.takenWith(first.end);
      } else {
        next += others + pieces;
        messages.push({ end: next, done: what === 'drop' });
        dropped.delivered(next);
        if (what === 'drop') {
          dropped.add(next);
          taken = dropped.takenWith(taken);
        }
      }
      const waiting = messages.findIndex(({ done }) => !done);
      const finished = waiting < 0 ? messages : messages.slice(0, waiting);
      expect(taken).toBe(finished.at(-1)?.end ?? begin);
    }
  },
);
