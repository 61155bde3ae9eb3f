import { fc } from 'serpy-contract-tests/properties';
import { describe, expect, test } from 'vitest';
import { readFromPage } from '../../src/server/from-page.js';
import type { FromPage, PanelRequest } from '../../src/wire/messages.js';

const request: PanelRequest = {
  width: 1,
  height: 2,
  region: [0, 0, 5, 5],
  reduce: 'max',
  slice: 3,
  saturation: 4095,
  line: null,
  spanMs: null,
};

const messages: FromPage[] = [
  { type: 'request', panel: 1, request },
  { type: 'credit', panel: 1, frame: 2 },
  { type: 'visible', visible: false },
  { type: 'freeze', panel: 1, frozen: true },
  { type: 'probe', panel: 1, x: 2, y: 3 },
];

describe('a message of a page', () => {
  test.each(messages)('of the type $type is read', (message) => {
    expect(readFromPage(JSON.stringify(message))).toEqual(message);
  });

  test.each([
    '',
    'null',
    '[]',
    '{"type":"send","panel":1}',
    '{"type":"credit","panel":"1","frame":2}',
    '{"type":"credit","panel":1}',
    '{"type":"visible","visible":1}',
    JSON.stringify({ type: 'request', panel: 1, request: { ...request, region: [0, 0, 1] } }),
    JSON.stringify({ type: 'request', panel: 1, request: { ...request, reduce: 'sum' } }),
    JSON.stringify({ type: 'request', panel: 1, request: { ...request, width: null } }),
    '{"type":"probe","panel":1,"x":1e999,"y":0}',
  ])('that no page sends is refused: %s', (text) => {
    expect(readFromPage(text)).toBeUndefined();
  });

  test('of any content is read or refused', () => {
    fc.assert(fc.property(fc.json(), (text) => void readFromPage(text)));
    fc.assert(fc.property(fc.string(), (text) => void readFromPage(text)));
  });
});
