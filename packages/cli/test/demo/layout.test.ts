import { decode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { type LinkView, layout, type View } from '../../src/demo/layout.js';
import { encodePng } from '../../src/demo/png.js';
import { createRates } from '../../src/demo/rates.js';
import { sparkline } from '../../src/demo/sparkline.js';
import { thumbnail, thumbnailSize } from '../../src/demo/thumbnail.js';
import { colorDepth, palette } from '../../src/ui/color-depth.js';

const plain = (line: string) => line.replaceAll(/\x1b\[[\d;]*m/g, '');

describe('the thumbnail', () => {
  /** Dark above and on the left, bright at the bottom right. */
  const image = { width: 4, height: 4, data: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9, 0, 0, 9, 9] };

  test('is a ramp of characters where there are no colours', () => {
    expect(thumbnail(image, 4, 4, 'none')).toEqual(['    ', '    ', '  @@', '  @@']);
    expect(thumbnail(image, 2, 2, 'none')).toEqual(['  ', ' @']);
    expect(thumbnail({ width: 3, height: 1, data: [0, 5, 10] }, 3, 1, 'none')).toEqual([' +@']);
  });

  test('has two pixels in each character where there are colours, and names a colour only where it changes', () => {
    const [dark, bright] = [palette('full')[0], palette('full').at(-1)];
    const rows = thumbnail(image, 4, 2, 'full');
    expect(rows).toEqual([
      `\x1b[38;${dark};48;${dark}m▀▀▀▀\x1b[0m`,
      `\x1b[38;${dark};48;${dark}m▀▀\x1b[38;${bright};48;${bright}m▀▀\x1b[0m`,
    ]);
    expect(thumbnail(image, 4, 2, '256')[0]).toMatch(/^\x1b\[38;5;\d+;48;5;\d+m▀▀▀▀/);
  });

  test('keeps the proportions of the image, and shows one that is all alike', () => {
    expect(thumbnailSize({ width: 640, height: 480, data: [] }, 60, 15)).toEqual({ columns: 40, rows: 15 });
    expect(thumbnailSize({ width: 640, height: 480, data: [] }, 20, 15)).toEqual({ columns: 20, rows: 7 });
    expect(thumbnailSize({ width: 1, height: 5000, data: [] }, 20, 15)).toEqual({ columns: 1, rows: 15 });
    expect(thumbnail({ width: 2, height: 2, data: [3, 3, 3, 3] }, 3, 1, 'none')).toEqual(['   ']);
  });
});

test('the number of colors is that of the terminal', () => {
  expect(colorDepth(false, { COLORTERM: 'truecolor' })).toBe('none');
  expect(colorDepth(true, { COLORTERM: 'truecolor' })).toBe('full');
  expect(colorDepth(true, { COLORTERM: '24bit' })).toBe('full');
  expect(colorDepth(true, { WT_SESSION: 'x' })).toBe('full');
  expect(colorDepth(true, { COLORTERM: 'truecolor', FORCE_COLOR: '1' })).toBe('full');
  expect(colorDepth(true, { COLORTERM: 'truecolor', CI: 'true', TF_BUILD: 'True' })).toBe('full');
  expect(colorDepth(true, { TERM: 'xterm-256color' })).toBe(process.platform === 'win32' ? 'full' : '256');
});

test('a sparkline shows the latest values that fit, from the lowest to the highest', () => {
  expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8, false)).toBe('▁▂▃▄▅▆▇█');
  expect(sparkline([100, 0, 7], 2, false)).toBe('▁█');
  expect(sparkline([0, 7], 9, true)).toBe('_@');
  expect(sparkline([5, 5], 9, false)).toBe('▅▅');
  expect(sparkline([1, 2], 0, false)).toBe('');
});

test('rates are those of the last moments, and 0 when nothing comes any more', () => {
  const rates = createRates(1000);
  expect(rates.update(0, { messages: 0, bytes: 0 })).toEqual({ perSecond: 0, bytesPerSecond: 0 });
  expect(rates.update(500, { messages: 20, bytes: 1000 })).toEqual({ perSecond: 40, bytesPerSecond: 2000 });
  for (let now = 600; now <= 5000; now += 100) rates.update(now, { messages: 20, bytes: 1000 });
  expect(rates.update(5100, { messages: 20, bytes: 1000 }).perSecond).toBe(0);
});

test('a picture is a PNG of 16 bits, from the darkest pixel to the brightest', () => {
  const { width, height, depth, channels, data } = decode(
    encodePng({ width: 3, height: 2, data: [100, 200, 300, 100, 100, 150] }),
  );
  expect({ width, height, depth, channels }).toEqual({ width: 3, height: 2, depth: 16, channels: 1 });
  expect([...data]).toEqual([0, 32768, 65535, 0, 0, 16384]);
  expect([...decode(encodePng({ width: 1, height: 1, data: [7] })).data]).toEqual([0]);
});

describe('the screen of the demo', () => {
  const link: LinkView = {
    state: 'connected',
    url: 'serpy2://127.0.0.1:50123',
    perSecond: 24.97,
    bytesPerSecond: 3.84e6,
    queue: 2,
    drops: 1234,
    reconnects: 1,
    received: 56_789,
  };
  const view: View = {
    camera: link,
    counter: { ...link, state: 'reconnecting', url: 'serpy1://127.0.0.1:50124' },
    image: { width: 64, height: 48, data: Array.from({ length: 64 * 48 }, (_, at) => at % 97) },
    countRates: Array.from({ length: 300 }, (_, at) => 400_000 + 1000 * Math.sin(at / 9)),
    countRate: 401_234,
    status: 'the camera is back',
    recording: '12 messages, 1.2 MB',
    command: 'serpy',
  };
  const shown = (columns: number, rows: number) => layout(view, { columns, rows }, '256').map(plain);

  test('shows picture, figures, count rate, news and keys at 80 × 24', () => {
    const lines = shown(80, 24);
    expect(lines.length).toBeGreaterThan(21);
    const text = lines.join('\n');
    for (const row of [
      /link +up +down$/m,
      /protocol +v2 +v1$/m,
      /fps +25\.0 +25\.0$/m,
      /MB\/s +3\.84 +3\.84$/m,
      /queue +2 +2$/m,
      /drops +1,234 +1,234$/m,
      /reconnects +1 +1$/m,
      /12 messages, 1\.2 MB$/m,
      /^count rate [▁▂▃▄▅▆▇█]{50,} 401,234 \/s$/m,
      /^the camera is back$/m,
      /^u pulls the cable {3}r records {3}s saves a PNG {3}q quits$/m,
      /serpy record serpy2:\/\/127\.0\.0\.1:50123 run-1$/m,
      /▀{40}/,
    ]) {
      expect(text).toMatch(row);
    }
  });

  test('fits every size, and never writes to the last column', () => {
    for (let columns = 1; columns <= 200; columns += 7) {
      for (let rows = 1; rows <= 60; rows += 3) {
        for (const depth of ['none', '256', 'full'] as const) {
          const lines = layout(view, { columns, rows }, depth).map(plain);
          expect(lines.length).toBeLessThanOrEqual(rows);
          expect(Math.max(...lines.map((line) => line.length)), `${columns} × ${rows}`).toBeLessThanOrEqual(
            Math.max(1, columns - 1),
          );
        }
      }
    }
  });

  test('keeps the figures and the keys where there is room for little', () => {
    const text = shown(50, 9).join('\n');
    expect(text).toMatch(/^camera +25\.0 fps, 3\.84 MB\/s, queue 2, drops 1,2/m);
    expect(text).toMatch(/^counter link down, 25\.0 fps/m);
    expect(text).toContain('q quit');
    expect(shown(50, 20).join('\n')).toMatch(/▀{20}/);
  });

  test.each(['serpy', 'npx serpy', 'npx serpy-cli'])(
    'shows a URL whole or not at all, whatever the width: %s',
    (command) => {
      const { camera, counter } = view;
      const news = `the camera is at ${camera.url}, the counter at ${counter.url}`;
      for (let columns = 1; columns <= 130; columns++) {
        const text = layout({ ...view, status: news, command }, { columns, rows: 24 }, 'none').join('\n');
        for (const [url] of text.matchAll(/serpy\d?:[^\s,]*/g))
          expect([camera.url, counter.url], `${columns}`).toContain(url);
        if (columns >= 80) expect(text).toContain(`${command} record ${camera.url} run-1`);
        if (columns >= 40) expect(text).toContain(camera.url);
      }
    },
  );

  test('waits for the first image with an empty place', () => {
    const lines = layout({ ...view, image: undefined }, { columns: 80, rows: 24 }, 'none');
    expect(lines.join('\n')).toMatch(/fps +25\.0/);
  });
});
