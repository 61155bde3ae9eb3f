import { describe, expect, test } from 'vitest';
import { checkName, isAnswerTopic, nameFromAddress, subjectOf, Topics } from '../src/topics.js';

const option = (sentence: string | RegExp) =>
  expect.objectContaining({ code: 'ERR_SERPY_OPTION', message: expect.stringMatching(sentence) });

function errorOf(make: () => unknown): unknown {
  try {
    return make();
  } catch (error) {
    return error;
  }
}

describe('a name', () => {
  test.each(['cam', 'cam-2', 'Kamera_Süd', '温度', 'a'.repeat(120)])('%s is accepted', (name) => {
    expect(new Topics('lab/{name}/{kind}', name).of('number')).toBe(`lab/${name}/number`);
  });

  test.each([
    ['', /not empty/],
    ['  ', /not empty/],
    [undefined, /not empty/],
    ['a/b', /contains "\/"/],
    ['+', /contains "\+"/],
    ['#', /contains "#"/],
    ['$SYS', /contains "\$"/],
    ['a.b', /contains "\."/],
    ['a>', /contains ">"/],
    ['a*', /contains "\*"/],
    ['a b', /contains " "/],
    ['a\0', /contains "\\u0000"/],
    ['a\n', /contains "\\n"/],
    ['\ud800', /contains/],
    ['a'.repeat(121), /more than 120 bytes/],
    ['a'.repeat(100_000), /"a{40}…" has more than 120 bytes/],
  ])('%j is refused', (name, sentence) => {
    expect(errorOf(() => checkName(name))).toEqual(option(sentence));
  });

  test('is made from any address', () => {
    for (const address of ['192.168.1.20:5001', '[::1]:5001', 'cam.lab:5001', '', '///'])
      expect(checkName(nameFromAddress(address))).toMatch(/^[\w-]+$/);
    expect(nameFromAddress('192.168.1.20:5001')).toBe('192-168-1-20-5001');
  });
});

describe('a template', () => {
  test.each([
    ['lab/{name}', /has no \{kind\}.*Write lab\/\{name\}\/\{kind\}/],
    ['{kind}/{name}', /begins with \{kind\}/],
    ['$SYS/{kind}', /begins with \$/],
    ['lab//{kind}', /an empty level/],
    ['/lab/{kind}', /an empty level/],
    ['lab/{kind}/', /an empty level/],
    ['lab/+/{kind}', /contains "\+"/],
    ['lab/#{kind}', /contains "#"/],
    ['lab/{nmae}/{kind}', /placeholder \{nmae\}: there are \{name\} and \{kind\}/],
    ['lab/{kind}/{', /placeholder \{/],
    ['', /is a topic such as/],
    [`${'x'.repeat(600)}/{kind}`, /more than 512 bytes/],
  ])('%j is refused', (template, sentence) => {
    expect(errorOf(() => new Topics(template, 'cam'))).toEqual(option(sentence));
  });

  test('names where commands and requests arrive', () => {
    const topics = new Topics('lab/{name}/{kind}', 'cam');
    expect(topics.inbound('commands', true)).toBe('lab/cam/set');
    expect(topics.inbound('requests', 'ask/{name}')).toBe('ask/cam');
    expect(errorOf(() => topics.inbound('commands', 'lab/{name}/number'))).toEqual(
      option(/one that the bridge writes/),
    );
    expect(errorOf(() => topics.inbound('commands', 'lab/+/set'))).toEqual(option(/no wildcards/));
  });

  test('becomes a subject of NATS, unless it has dots', () => {
    expect(subjectOf('lab/cam/$about')).toBe('lab.cam.$about');
    expect(errorOf(() => subjectOf('lab.x/cam'))).toEqual(option(/contains a dot/));
  });
});

test('a topic for an answer has no wildcard and is not one of the broker', () => {
  expect(['answers/me', 'a'].map(isAnswerTopic)).toEqual([true, true]);
  expect(['', '#', 'a/+', '$SYS/x', 'a\0', 'x'.repeat(513)].map(isAnswerTopic)).toEqual(Array(6).fill(false));
});
