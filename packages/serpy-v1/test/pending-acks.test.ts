/** Blocks without an acknowledgement, awaited and cancelled: compared with a simple list that does the same. */
import { fc } from 'serpy-contract-tests/properties';
import { expect, test } from 'vitest';
import { PendingAcks } from '../src/pending-acks.js';
import { textBlock } from '../src/wire/block.js';

const step = fc.oneof(
  { weight: 5, arbitrary: fc.constant('add' as const) },
  { weight: 1, arbitrary: fc.constant('add unawaited' as const) },
  { weight: 3, arbitrary: fc.nat() },
  { weight: 3, arbitrary: fc.constant('answer' as const) },
  { weight: 1, arbitrary: fc.constant('take all' as const) },
);

function newBlock(acknowledged = true) {
  return { ...textBlock('x', 1), awaitsAck: acknowledged };
}

test('an acknowledgement belongs to its own block, whatever was cancelled', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const unanswered = new PendingAcks();
      let model: ReturnType<typeof newBlock>[] = [];
      for (const now of steps) {
        if (now === 'add' || now === 'add unawaited') {
          const block = newBlock(now === 'add');
          unanswered.add(block);
          model.push(block);
        } else if (now === 'answer') {
          const due = model.shift();
          const isAwaited = due?.awaitsAck && !due.ackCancelled;
          const answered = unanswered.acknowledge();
          if (due === undefined || isAwaited) expect(answered).toBe(due);
          else expect(answered).toBe('cancelled');
        } else if (now === 'take all') {
          expect(unanswered.drain()).toEqual(model.filter((each) => each.awaitsAck && !each.ackCancelled));
          model = [];
        } else {
          const block = model[now % (model.length || 1)];
          if (block?.awaitsAck) unanswered.cancelAck(block);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('cancelled blocks are counted and not retained, between any number of awaited ones', () => {
  const unanswered = new PendingAcks();
  const awaited = Array.from({ length: 10 }, () => newBlock());
  for (const each of awaited) {
    unanswered.add(each);
    for (let n = 0; n < 1000; n++) {
      const block = newBlock();
      unanswered.add(block);
      unanswered.cancelAck(block);
      unanswered.add(newBlock(false));
    }
  }
  expect(unanswered.entries).toBeLessThan(100);
  for (const each of awaited) {
    expect(unanswered.acknowledge()).toBe(each);
    for (let n = 0; n < 2000; n++) expect(unanswered.acknowledge()).toBe('cancelled');
  }
  expect(unanswered.acknowledge()).toBeUndefined();
});
