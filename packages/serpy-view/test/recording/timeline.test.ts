/** What is found in a recording: the messages before any message, the next one of a panel, marks and gaps; in long, growing and damaged ones. */

import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeNpy } from 'serpy-arrays';
import { createRecording, type RecordingWriter } from 'serpy-recording';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PanelBoard } from '../../src/panels/board.js';
import type { ImagePanel, TrendPanel } from '../../src/panels/panel.js';
import { Past } from '../../src/recording/past.js';
import { Timeline } from '../../src/recording/timeline.js';
import { systemClock } from '../../src/system.js';

/** A busy computer needs longer than the second that `waitFor` has by default. */
const until = <R>(check: () => R) => vi.waitFor(check, { timeout: 15_000 });

let place = '';
let folder = '';
let writer: RecordingWriter;
let timeline: Timeline | undefined;

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-timeline-'));
  folder = join(place, 'run');
  let now = 0;
  writer = createRecording(folder, { clock: { now: () => now++, wallMs: () => 1.7e12 + now } });
});

afterEach(() => {
  timeline?.close();
  timeline = undefined;
  writer.close();
  rmSync(place, { recursive: true });
});

const image = (n: number) => encodeNpy({ data: Uint16Array.of(n, 1, 2, 3), shape: [2, 2] });

/** An image in ten messages; else numbers of two instruments, and one text at the beginning. */
function add(count: number): void {
  for (let each = 0; each < count; each++) {
    const n = writer.messages;
    if (n === 5) writer.add({ type: 'str', value: 'the only text' }, 'temp');
    else if (n % 10 === 0) writer.add({ type: 'bytes', value: image(n) }, 'cam');
    else writer.add({ type: 'float', value: n }, n % 2 === 0 ? 'temp' : 'pressure');
  }
  writer.flush();
}

async function scanned(): Promise<Timeline> {
  const found = new Timeline(folder, systemClock, () => {});
  timeline = found;
  await until(() => expect(found.isScanning).toBe(false));
  return found;
}

const pastOf = (found: Timeline) => new Past(found, systemClock, () => new PanelBoard(systemClock, () => undefined));

/** What the panels of a board show: the last message of each. */
const shown = (past: Past) =>
  Object.fromEntries(past.board.views(true).map(({ kind, source, message }) => [`${source} ${kind}`, message]));

describe('the panels at a message', () => {
  test('are the newest of each instrument and kind until then, at any message of a long recording', async () => {
    add(5000);
    const past = pastOf(await scanned());
    for (const n of [4999, 0, 1023, 1024, 1025, 4000, 2500, 2501, 2600, 7, 3000]) {
      past.moveTo(n);
      expect(past.n).toBe(n);
      const lastOf = (isIt: (each: number) => boolean) => {
        for (let each = n; each >= 0; each--) if (isIt(each)) return each;
        return undefined;
      };
      const expected = {
        'cam image': lastOf((each) => each % 10 === 0),
        'temp trend': lastOf((each) => each % 2 === 0 && each % 10 !== 0),
        'pressure trend': lastOf((each) => each % 2 === 1 && each !== 5),
        'temp log': n >= 5 ? 5 : undefined,
      };
      expect(shown(past)).toEqual(
        Object.fromEntries(Object.entries(expected).filter(([, each]) => each !== undefined)),
      );
    }
    const panels = [...past.board.panels.values()];
    const shot = panels.find(({ kind }) => kind === 'image') as ImagePanel;
    expect(shot.shot?.npy()).toEqual(image(3000));
  });

  test('have trends of the messages before, with their times', async () => {
    add(200);
    const past = pastOf(await scanned());
    past.moveTo(100);
    const trend = [...past.board.panels.values()].find(({ source }) => source === 'pressure') as TrendPanel;
    const request = { spanMs: null } as Parameters<TrendPanel['render']>[0];
    const { content, parts } = trend.render(request, 0, past.wallMs);
    expect(content).toMatchObject({ last: 99, statistics: { count: 49, min: 1, max: 99 } });
    expect(parts[0]?.[0]).toBeGreaterThan(1.7e9);
  });
});

test('the next and the previous message of a panel are found over any distance', async () => {
  add(10);
  for (let n = 10; n < 4000; n++) writer.add({ type: 'float', value: n }, 'temp');
  writer.add({ type: 'bytes', value: image(4000) }, 'cam');
  add(1);
  const found = await scanned();
  const images = found.channels.ofPanel('image', 'cam');
  expect(found.neighbor(0, 1, images)).toBe(4000);
  expect(found.neighbor(3999, 1, images)).toBe(4000);
  expect(found.neighbor(4000, 1, images)).toBeUndefined();
  expect(found.neighbor(4000, -1, images)).toBe(0);
  expect(found.neighbor(2047, -1, images)).toBe(0);
  expect(found.neighbor(0, -1, images)).toBeUndefined();
  expect(found.neighbor(5, 1, found.channels.ofPanel('log', 'temp'))).toBeUndefined();
  expect(found.neighbor(4, 1, found.channels.ofPanel('log', 'temp'))).toBe(5);
});

test('a recording that grows is followed, with its marks and gaps', async () => {
  const found = await scanned();
  expect(found.messages).toBe(0);
  add(30);
  writer.event({ type: 'gap', downMs: 5 });
  writer.event({ type: 'mark', first: 3, last: 9, label: 'peak' });
  writer.flush();
  await until(() => expect(found.messages).toBe(30));
  await until(() => expect(found.marks).toMatchObject([{ first: 3, last: 9, label: 'peak' }]));
  expect(found.gaps).toEqual([30]);
  expect(found.isClosed).toBe(false);
  writer.close();
  await until(() => expect(found.isClosed).toBe(true));
});

describe('a damaged recording', () => {
  test('is shown up to the line that is damaged', async () => {
    add(30);
    appendFileSync(join(folder, 'index.jsonl'), 'not JSON\n');
    const found = await scanned();
    expect(found.messages).toBe(30);
    expect(found.problem).toContain('index.jsonl, line 31');
    const past = pastOf(found);
    past.moveTo(29);
    expect(shown(past)).toMatchObject({ 'cam image': 20, 'pressure trend': 29 });
  });

  test('whose files shrink while it is shown has lines about it in the log, and shows the rest', async () => {
    add(3000);
    const found = await scanned();
    const past = pastOf(found);
    past.moveTo(2999);
    truncateSync(join(folder, 'uint16-2x2.npy'), 200);
    past.moveTo(500);
    expect(shown(past)).toMatchObject({ 'pressure trend': 499 });
    const log = past.board.views(true).find(({ source, kind }) => source === 'cam' && kind === 'log');
    expect(log).toBeDefined();
    truncateSync(join(folder, 'values.jsonl'), 10);
    truncateSync(join(folder, 'index.jsonl'), 1000);
    past.moveTo(2999);
    past.moveTo(2);
    expect(found.neighbor(2000, 1, [0])).toBeUndefined();
  });

  test('with a shape in the index that lies allocates nothing, and is reported', async () => {
    add(1);
    const header = Buffer.from(
      "\x93NUMPY\x01\x00\x76\x00{'descr': '<u2', 'fortran_order': False, 'shape': (60000, 60000), }".padEnd(127, ' ') +
        '\n',
      'latin1',
    ).toString('base64');
    const line = { n: 1, timeMs: 1, wallMs: 1, type: 'bytes', from: 'cam', file: 'uint16-2x2.npy', row: 0, header };
    appendFileSync(join(folder, 'index.jsonl'), `${JSON.stringify(line)}\n`);
    const past = pastOf(await scanned());
    past.moveTo(1);
    const texts = past.board.views(true).filter(({ kind }) => kind === 'log');
    expect(texts).toHaveLength(1);
  });

  test.each([
    ['a pipe', (path: string) => execFileSync('mkfifo', [path])],
    ['a folder', (path: string) => mkdirSync(path)],
    ['a link to another file', (path: string) => symlinkSync('/etc/passwd', path)],
  ])('with %s instead of a file is reported, and not read', async (_, replace) => {
    add(30);
    const past = pastOf(await scanned());
    for (const name of ['uint16-2x2.npy', 'values.jsonl']) {
      rmSync(join(folder, name));
      replace(join(folder, name));
    }
    past.moveTo(29);
    const kinds = past.board.views(true).map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(['log']));
    rmSync(join(folder, 'index.jsonl'));
    replace(join(folder, 'index.jsonl'));
    expect(() => new Timeline(folder, systemClock, () => {})).toThrow(
      expect.objectContaining({ code: 'ERR_RECORDING_DAMAGED' }) as Error,
    );
  });

  test('a folder that is not a recording is refused', () => {
    writeFileSync(join(place, 'x'), '');
    expect(() => new Timeline(place, systemClock, () => {})).toThrow(
      expect.objectContaining({ code: 'ERR_RECORDING_NOT_FOUND' }) as Error,
    );
  });

  test('of a thousand addresses has at most 65 names', async () => {
    for (let n = 0; n < 1000; n++) writer.add({ type: 'int', value: n }, `10.0.0.1:${n}`);
    writer.flush();
    const found = await scanned();
    expect(found.channels.sources.size).toBeLessThanOrEqual(65);
    const past = pastOf(found);
    past.moveTo(999);
    expect(past.board.panels.size).toBeLessThanOrEqual(65);
  });
});
