/** The checker reports each violated rule in a sentence. */
import {
  type CheckerOptions,
  DeliveryChecker,
  outcomeOfSend,
  type SendOutcome,
  type VerifyOptions,
} from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';

interface History {
  /** The outcomes of each message; message n is the text `n`. A leading `r` allows the message to be sent again. */
  readonly sends?: readonly (readonly (SendOutcome | 'r' | 'doubt')[])[];
  /** Receiver and number, in order: `a1` is message 1 at receiver a. */
  readonly arrivals?: string;
  readonly options?: CheckerOptions;
  readonly judge?: VerifyOptions;
}

function judge({ sends = [], arrivals = '', options, judge }: History): string[] {
  const checker = new DeliveryChecker(options);
  for (const [index, outcomes] of sends.entries()) {
    const attempt = checker.attempted(`${index + 1}`, { repeats: outcomes.includes('r') });
    for (const outcome of outcomes) {
      if (outcome === 'doubt') attempt.markUnknown();
      else if (outcome !== 'r') attempt.ended(outcome);
    }
  }
  for (const [, receiver = '', n = ''] of arrivals.matchAll(/(\w)(\d+)/g)) checker.received(receiver, n);
  return checker.verify(judge);
}

const fine: [what: string, history: History][] = [
  ['nothing at all', {}],
  ['what is accepted and arrives in order', { sends: [['accepted'], ['accepted']], arrivals: 'a1 a2' }],
  ['what is accepted and does not arrive', { sends: [['accepted'], ['accepted']], arrivals: 'a2' }],
  ['what is acknowledged and arrives', { sends: [['acknowledged']], arrivals: 'a1' }],
  ['what is unknown, whether it arrives or not', { sends: [['unknown'], ['unknown']], arrivals: 'a2' }],
  ['what failed and does not arrive', { sends: [['failed']] }],
  ['what is sent again, and arrives at two receivers', { sends: [['r', 'acknowledged']], arrivals: 'a1 b1' }],
  [
    'what is sent again, behind later messages of another receiver',
    {
      sends: [['r', 'acknowledged'], ['accepted'], ['accepted']],
      arrivals: 'a1 a2 b1 b3',
    },
  ],
  [
    'the same, where the order of all counts',
    {
      sends: [['r', 'acknowledged'], ['accepted'], ['accepted']],
      arrivals: 'a1 a2 b1 b3',
      options: { order: 'stream' },
    },
  ],
  ['receivers that are not in step', { sends: [['accepted'], ['accepted']], arrivals: 'b2 a1' }],
  ['as many missing as may be', { sends: [['accepted'], ['accepted']], arrivals: 'a2', judge: { allowMissing: 1 } }],
  ['what was doubted and is missing', { sends: [['accepted', 'doubt']], judge: { allowMissing: 0 } }],
];

test.each(fine)('finds no fault with %s', (_, history) => {
  expect(judge(history)).toEqual([]);
});

const broken: [fault: string, history: History][] = [
  ['message 1 was acknowledged and has not arrived', { sends: [['acknowledged']] }],
  ['message 1 arrived twice at a', { sends: [['accepted']], arrivals: 'a1 a1' }],
  ['message 1 arrived twice at a', { sends: [['r', 'acknowledged']], arrivals: 'a1 a1' }],
  ['message 1 arrived at a, and again at b', { sends: [['accepted']], arrivals: 'a1 b1' }],
  ['message 1 arrived at a although its send had failed', { sends: [['failed']], arrivals: 'a1' }],
  [
    'message 1 arrived at a after message 2, which was sent later',
    {
      sends: [['accepted'], ['accepted']],
      arrivals: 'a2 a1',
    },
  ],
  [
    'message 1 arrived at b after message 2, which was sent later',
    {
      sends: [['accepted'], ['accepted']],
      arrivals: 'a2 b1',
      options: { order: 'stream' },
    },
  ],
  ['the send of message 1 has not ended', { sends: [[]], arrivals: 'a1' }],
  ['the send of message 1 ended 2 times: accepted, accepted', { sends: [['accepted', 'accepted']] }],
  [
    '2 accepted messages have not arrived, and 1 may be missing: 1, 3',
    {
      sends: [['accepted'], ['accepted'], ['accepted']],
      arrivals: 'a2',
      judge: { allowMissing: 1 },
    },
  ],
];

test.each(broken)('reports: %s', (fault, history) => {
  expect(judge(history)).toEqual([fault]);
});

test('reports an unknown message, also one that differs by a byte', () => {
  const checker = new DeliveryChecker();
  checker.attempted(Buffer.from('hello')).ended('accepted');
  checker.received('a', Buffer.from('hellO'));
  expect(checker.verify()).toEqual([
    expect.stringMatching(/^a received an unknown message: 5 bytes, SHA-256 [\da-f]{16}…$/),
  ]);
});

test('takes text and its bytes for the same message, and refuses a known message', () => {
  const checker = new DeliveryChecker();
  checker.attempted('hello').ended('accepted');
  checker.received('a', Buffer.from('hello'));
  expect([checker.verify(), checker.arrived]).toEqual([[], 1]);
  expect(() => checker.attempted(Buffer.from('hello'))).toThrow('message 1 has the same bytes');
});

test('can verify again, and describes a hundred faults', () => {
  const checker = new DeliveryChecker();
  for (let n = 0; n < 150; n++) checker.attempted(`${n}`);
  expect(checker.verify()).toHaveLength(101);
  expect(checker.verify().at(-1)).toBe('and 50 more');
});

describe('the end of a send', () => {
  test.each<[SendOutcome, acknowledged: boolean, result: boolean | string]>([
    ['accepted', false, true],
    ['failed', false, false],
    ['failed', false, 'ERR_SERPY_QUEUE_FULL'],
    ['failed', false, 'ERR_SERPY_ABORTED'],
    ['acknowledged', true, true],
    ['unknown', true, false],
    ['unknown', true, 'ERR_SERPY_LOST'],
    ['unknown', true, 'ERR_SERPY_ABORTED'],
    ['failed', true, 'ERR_SERPY_CLOSED'],
    ['failed', true, 'ERR_SERPY_QUEUE_FULL'],
  ])('is %s (acknowledged: %j, result: %j)', (outcome, acknowledged, result) => {
    expect(outcomeOfSend(acknowledged, result)).toBe(outcome);
  });
});
