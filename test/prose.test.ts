/** The language of comments, errors and pages, checked for the words that CONTRIBUTING.md replaces by standard terms. */
import { describe, expect, test } from 'vitest';
import { type Prose, proseOfPages, proseOfSource, proseOfSources } from './docs/prose.js';

interface Rule {
  readonly pattern: RegExp;
  readonly use: string;
  /** What it finds, and what it lets pass. */
  readonly bad: string;
  readonly good?: string;
}

/** To tighten the check: add a rule here, or lower a number in `unfinished`. */
const rules: readonly Rule[] = [
  { pattern: /\b(?:re-?)?dial(?:s|led|ed|ling|ing)?\b/i, use: 'connect, reconnect', bad: 'is dialled again' },
  { pattern: /\b(?:hung|hangs?|hanging) up\b/i, use: 'reject, disconnect, close', bad: 'is hung up on' },
  { pattern: /\bcondemn/i, use: 'false timeout', bad: 'condemns a peer' },
  { pattern: /\bin vain\b/i, use: 'timed out', bad: 'waited in vain' },
  { pattern: /\bheart-beats?\b/i, use: 'heartbeat', bad: 'a heart-beat', good: 'a heartbeat' },
  { pattern: /\btime-outs?\b/i, use: 'timeout', bad: 'the time-out', good: 'the timeout' },
  { pattern: /\bat rest\b/i, use: 'idle', bad: 'a link at rest' },
  { pattern: /\bgoodbyes?\b/i, use: 'close frame', bad: 'says goodbye' },
  { pattern: /\bgreetings?\b/i, use: 'HELLO and WELCOME', bad: 'a greeting' },
  { pattern: /\bstrangers?\b/i, use: 'unauthenticated client, other protocol', bad: 'a stranger' },
  { pattern: /\bdeaf(?:en)?\b/i, use: 'its receiver thread terminates', bad: 'is deaf' },
  { pattern: /\bsigns? of life\b/i, use: 'heartbeat, ping', bad: 'a sign of life' },
  { pattern: /\bconversations?\b/i, use: 'message exchange, state', bad: 'the conversation' },
  { pattern: /\bgladly\b/i, use: 'nothing', bad: 'gladly' },
  { pattern: /\bmend(?:s|ed|ing)?\b/i, use: 'fix', bad: 'is mended', good: 'recommended' },
  { pattern: /\b(?:himself|whoever|nobody|he|his|him)\b/i, use: 'it, no peer, a client that', bad: 'nobody reads it' },
  { pattern: /(?:^|[.;:] )Who (?![^.]*\?)/, use: 'a peer that', bad: 'Who asks waits.', good: 'Who can connect?' },
  {
    pattern: /(?<!\b(?:there|that|this|which|what) )\bis no (?!longer\b|more\b|less\b)/i,
    use: 'is not a',
    bad: 'x is no URL',
    good: 'there is no URL, and it is no longer used',
  },
  { pattern: /\b(?:told by|(?:is|are|was|were|be|been) told)\b/i, use: 'reported by, emits', bad: 'is told by' },
  { pattern: /\bon (?:its|their) way\b|\bunder way\b/i, use: 'in flight', bad: 'on its way' },
  { pattern: /\b(?:for|after|in|by) so (?:long|many|much)\b/i, use: 'that long, n messages', bad: 'after so many' },
  { pattern: /\b(?:in front of|behind) the door\b/i, use: 'before authentication', bad: 'in front of the door' },
  { pattern: /\b(?:goes|gone|went|going) on\b/i, use: 'continue, resume', bad: 'goes on', good: 'depends on' },
  {
    pattern: /\b(?:is|are|was|were|be) given up\b|\bgives? (?:the|a) (?:link|session) up\b/i,
    use: 'is closed after a timeout',
    bad: 'is given up',
    good: 'gave up reconnecting',
  },
  { pattern: /\b(?:found|finds|find) out\b/i, use: 'detect', bad: 'is found out' },
  { pattern: /\b(?:gave|gives?|giving) way\b/i, use: 'is closed to free memory', bad: 'gave way' },
  { pattern: /\bours\b/i, use: 'serpy for Node', bad: 'a peer of ours', good: 'hours' },
  {
    pattern: /\b(?:an|the|of|with|two|every) originals?\b(?! (?:bytes|error|message|order|text|value))/i,
    use: 'Python peer',
    bad: 'an original drops it',
    good: 'the original error',
  },
  {
    pattern: /\bplain (?:peer|server|client|v2|v1|program|one|messages?|link)\b/i,
    use: 'without a session, unencrypted',
    bad: 'a plain peer',
    good: 'plain text',
  },
  { pattern: /\bblobs?\b/i, use: 'large message, bytes', bad: 'a blob' },
  { pattern: /\bfacade\b/i, use: 'the package serpy', bad: 'the facade' },
  {
    pattern: /\b(?:drawn|draws) by chance\b|\bas ever\b|\b(?:unless|if not) told otherwise\b/i,
    use: 'random, by default',
    bad: 'unless told otherwise',
  },
  {
    pattern: /\b(?:colour|behaviour|neighbour|recognis|licence|initialis|serialis|centre\b|travell|labell|dialled)/i,
    use: 'American spelling',
    bad: 'behaviour',
    good: 'behavior, recognizes, license',
  },
];

interface Unfinished {
  /** At most so many lines break a rule now. A smaller number is an invitation to lower this one. */
  readonly most: number;
  readonly because: string;
}

/**
 * What is not rewritten yet: a file, a folder, or a section of a page (`path#heading`). When nothing of it breaks a rule any more, the entry
 * has to go. An entry whose file has moved exempts nothing.
 */
const unfinished: Readonly<Record<string, Unfinished>> = {};

/** Words that are right where they stand. */
const innocent: readonly { readonly path: string; readonly text: RegExp; readonly because: string }[] = [];

function offence({ path, line, text }: Prose): string | undefined {
  if (innocent.some((each) => each.path === path && each.text.test(text))) return undefined;
  for (const { pattern, use } of rules) {
    const found = pattern.exec(text);
    if (found) return `${path}:${line}: "${found[0].trim()}": write: ${use}`;
  }
  return undefined;
}

function offencesIn(proses: readonly Prose[]): string[] {
  return proses.map(offence).filter((each) => each !== undefined);
}

function isWithin({ path, section }: Prose, place: string): boolean {
  return path === place || path.startsWith(`${place}/`) || `${path}#${section}` === place;
}

describe('prose', () => {
  const all = [...proseOfPages(), ...proseOfSources()];

  test('keeps the rules of CONTRIBUTING.md', () => {
    const places = Object.keys(unfinished);
    expect(all.length).toBeGreaterThan(5000);
    expect(offencesIn(all.filter((prose) => !places.some((place) => isWithin(prose, place))))).toEqual([]);
  });

  test.each(Object.entries(unfinished))(
    '%s does not get worse, and is exempt no longer than needed',
    (place, { most }) => {
      const there = all.filter((prose) => isWithin(prose, place));
      const offences = offencesIn(there);
      if (offences.length > most) expect(offences).toEqual([]);
      if (there.length > 0) expect(offences.length, 'nothing is left: remove the entry').toBeGreaterThan(0);
    },
  );
});

describe('a rule', () => {
  test.each(rules.map((rule) => [rule.bad, rule] as const))('finds "%s"', (bad, { pattern, good }) => {
    expect(pattern.test(bad)).toBe(true);
    if (good !== undefined) expect(offencesIn([{ path: 'x', line: 1, text: good }])).toEqual([]);
  });

  test('sees comments, strings and templates of sources, and neither code nor names', () => {
    const source = [
      "import { dial } from './dial.js';",
      '/** It dials, as `dial` says. */',
      'export const dial = (goodbye: string) => {',
      "  throw new Error('it hung up');",
      '  // in vain',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a source text
      '  return `at ${goodbye} rest, at rest`;',
      '};',
    ].join('\n');
    const found = offencesIn(proseOfSource('x.ts', source)).map((each) => /^x\.ts:(\d+): "(.*?)"/.exec(each)?.slice(1));
    expect(found.sort()).toEqual([
      ['2', 'dials'],
      ['4', 'hung up'],
      ['5', 'in vain'],
      ['6', 'at rest'],
    ]);
  });

  test('sees pages, without code and addresses', () => {
    const pages = proseOfPages();
    const { text } = pages.find(({ path, text }) => path === 'docs/errors.md' && text.includes('Match by')) ?? {};
    expect(text).toContain('not with');
    expect(text).not.toContain('instanceof');
    expect(pages.some(({ text }) => text.includes('```'))).toBe(false);
  });
});
