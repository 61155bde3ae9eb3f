import { encodeNpy } from 'serpy-arrays';
import { beforeEach, describe, expect, test } from 'vitest';
import { HubMessage } from '../../../serpy-hub/src/message.js';
import { PanelBoard } from '../../src/panels/board.js';
import type { LogPanel } from '../../src/panels/panel.js';
import { systemClock } from '../../src/system.js';
import type { LogFrame, PanelRequest } from '../../src/wire/messages.js';

const request: PanelRequest = {
  width: 500,
  height: 500,
  region: null,
  reduce: 'mean',
  slice: 0,
  saturation: null,
  line: null,
  spanMs: null,
};

let board: PanelBoard;
beforeEach(() => {
  board = new PanelBoard(systemClock, () => undefined);
});

const take = (value: unknown, source = 'a') => board.take(new HubMessage(source, { type: 'value', value }, 1, 0));
const array = (shape: number[]) => ({ data: new Float32Array(shape.reduce((a, b) => a * b, 1)), shape });

/** The lines of the log. */
function lines(panel: unknown): string[] {
  return ((panel as LogPanel).render(request, 0).content as LogFrame).lines.map(({ text }) => text);
}

describe('the panel of a value', () => {
  test.each([
    ['an image', array([2, 3]), 'image'],
    ['a stack', array([4, 2, 3]), 'image'],
    ['a stack of stacks', array([2, 2, 2, 3]), 'image'],
    ['a curve', array([5]), 'curve'],
    ['an array with one element', array([]), 'log'],
    ['an image without pixels', array([0, 5]), 'log'],
    ['a curve without points', array([0]), 'log'],
    ['a number', 3, 'trend'],
    ['a text', 'hello', 'log'],
    ['bytes', Buffer.of(1, 2), 'log'],
    ['an object', { a: 1 }, 'log'],
    ['a .npy that is cut', encodeNpy(array([9, 9])).subarray(0, 200), 'log'],
  ])('%s has the right kind', (_, value, kind) => {
    expect(take(value).panel.kind).toBe(kind);
  });

  test('is one for each kind and source', () => {
    expect(take(1).isNew).toBe(true);
    expect(take(2).isNew).toBe(false);
    take(1, 'b');
    take('x');
    expect(board.views().map(({ source, kind }) => `${source} ${kind}`)).toEqual(['a trend', 'b trend', 'a log']);
    board.remove('a');
    expect(board.views()).toHaveLength(1);
  });
});

describe('an image panel', () => {
  test('shows the chosen slice, and the nearest one for a number that does not exist', () => {
    const data = Float32Array.from({ length: 12 }, (_, at) => Math.floor(at / 4));
    const { panel } = take({ data, shape: [3, 2, 2] });
    for (const [slice, expected] of [
      [0, 0],
      [2, 2],
      [99, 2],
      [-1, 0],
    ] as const) {
      const { content, parts } = panel.render({ ...request, slice }, 0, 0);
      expect(content).toMatchObject({ kind: 'image', slice: expected, slices: 3, shape: [3, 2, 2] });
      expect([...(parts[0] ?? [])]).toEqual([expected, expected, expected, expected]);
    }
  });

  test('shows integers of 64 bits and the size of complex numbers', () => {
    const integers = take({ data: BigInt64Array.of(1n, -2n), shape: [1, 2] }).panel.render(request, 0, 0);
    expect([...(integers.parts[0] ?? [])]).toEqual([1, -2]);
    const complex = take({ data: Float64Array.of(3, 4, 0, -1), shape: [1, 2], dtype: 'complex128' }).panel.render(
      request,
      0,
      0,
    );
    expect([...(complex.parts[0] ?? [])]).toEqual([5, 1]);
  });

  test('its download is the array as it arrived', () => {
    const npy = encodeNpy(array([2, 3]));
    const { panel } = take(npy);
    expect(board.download(panel.id)).toBe(npy);
    expect(board.download(999)).toBeUndefined();
  });
});

describe('a log', () => {
  test('shows control characters as escapes, and cuts a long text', () => {
    take('<b>bold</b> \u202egnp.exe \x1b[31m');
    const { panel } = take('x'.repeat(1_000_000));
    const [first = '', second = ''] = lines(panel);
    expect(first).toBe('<b>bold</b> \\u202egnp.exe \\u001b[31m');
    expect(second).toHaveLength(2000 + ' … (1,000,000 characters)'.length);
  });

  test('keeps 200 lines, and gives those that a page has not seen', () => {
    let panel: unknown;
    for (let at = 0; at < 1000; at++) panel = take(`line ${at}`).panel;
    expect(lines(panel)).toHaveLength(200);
    const fresh = (panel as LogPanel).render(request, 998).content as LogFrame;
    expect(fresh.lines.map(({ text }) => text)).toEqual(['line 998', 'line 999']);
  });

  test('shows bytes that are a text as text, and others as numbers', () => {
    take(Buffer.from('OK\r\n'));
    take(Buffer.alloc(100, 0xff));
    const { panel } = take({ big: 1n, list: [1, 2] });
    expect(lines(panel)).toEqual([
      'OK\\u000d\n',
      `100 bytes: ${Array(16).fill('ff').join(' ')} …`,
      '{"big":"1","list":[1,2]}',
    ]);
  });
});

describe('a curve', () => {
  test('with more points than the screen keeps every peak', () => {
    const data = new Float32Array(1_000_000);
    data[123_456] = 7;
    data[900_001] = -3;
    const { content, parts } = take(data).panel.render({ ...request, width: 500 }, 0, 0);
    expect(parts[0]?.length).toBe(1000);
    expect(content).toMatchObject({ points: 1_000_000, statistics: { min: -3, max: 7 } });
    const [positions = [], values = []] = parts.map((part) => [...part]);
    expect(positions[values.indexOf(7)]).toBe(123_456);
    expect(positions[values.indexOf(-3)]).toBe(900_001);
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
  });
});

test('unit, axes and name are those that the sender gave, and each name has its panel', () => {
  const named = (value: unknown, about: object) =>
    board.take(new HubMessage('lab', { type: 'value', value, about }, 1, 0));
  named(21.5, { name: 'temperature', unit: 'K' });
  named(1013, { name: 'pressure', unit: 'mbar' });
  named({ data: new Uint8Array(6), shape: [2, 3] }, { unit: 'counts', axes: ['y', 'x'] });
  named(22, { name: 'temperature', unit: '°C' });
  const views = board.views().filter(({ source }) => source === 'lab');
  expect(views.map(({ title, unit, axes, kind }) => ({ title, unit, axes, kind }))).toEqual([
    { title: 'lab: temperature', unit: '°C', axes: [], kind: 'trend' },
    { title: 'lab: pressure', unit: 'mbar', axes: [], kind: 'trend' },
    { title: 'lab', unit: 'counts', axes: ['y', 'x'], kind: 'image' },
  ]);
});
