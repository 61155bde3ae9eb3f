/** A recording of 200,000 messages: opened quickly, and any message shown at once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRecording } from 'serpy-recording';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { PanelBoard } from '../../src/panels/board.js';
import { Past } from '../../src/recording/past.js';
import { Timeline } from '../../src/recording/timeline.js';
import { systemClock } from '../../src/system.js';

let place = '';
let folder = '';

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-long-'));
  folder = join(place, 'run');
  const writer = createRecording(folder);
  for (let n = 0; n < 200_000; n++) writer.add({ type: 'int', value: n });
  writer.close();
}, 120_000);

afterAll(() => rmSync(place, { recursive: true }));

test('200,000 messages are opened in pieces, with a position for each 1,024, and any message is shown at once', {
  timeout: 120_000,
}, async () => {
  const startMs = performance.now();
  const found = new Timeline(folder, systemClock, () => {});
  const openMs = performance.now() - startMs;
  expect(found.isScanning).toBe(true);
  expect(found.messages).toBeGreaterThan(0); // the first ones can be shown
  await vi.waitFor(() => expect(found.isScanning).toBe(false), { timeout: 60_000 });
  const past = new Past(found, systemClock, () => new PanelBoard(systemClock, () => undefined));
  const times = [199_999, 0, 100_000, 150_001, 50_023].map((n) => {
    const beginMs = performance.now();
    past.moveTo(n);
    expect(past.board.views(true)).toMatchObject([{ kind: 'trend', source: 'run', message: n }]);
    return performance.now() - beginMs;
  });
  expect(openMs).toBeLessThan(1000);
  expect(Math.max(...times)).toBeLessThan(2000);
  found.close();
});
