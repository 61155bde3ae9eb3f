/** `serpy demo` as a user sees it: on the screen of a terminal, and as lines without a terminal. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { readNpyHeader } from 'serpy-arrays';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { readRecording } from '../packages/serpy-recording/test/read.js';
import { installed } from './installed.js';
import { killPrograms, Program } from './program.js';
import { hasTerminals, PseudoTerminal } from './pseudo-terminal.js';
import { root } from './workspace.js';

/** The file that `serpy` runs, installed. */
let main = '';
const serpy = (...args: string[]) => [process.execPath, main, ...args];

beforeAll(async () => {
  main = join((await installed()).folder, 'node_modules', 'serpy-cli', 'dist', 'main.js');
}, 240_000);

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'serpy-demo-'));
});

afterEach(async () => {
  await killPrograms();
  rmSync(folder, { recursive: true });
});

/** The figures of the camera on the screen. */
const figure = (terminal: PseudoTerminal, label: string) =>
  Number(new RegExp(`^.*${label} +([\\d,.]+)`, 'm').exec(terminal.text)?.[1]?.replaceAll(',', '') ?? Number.NaN);

const isPictured = /[.:=+*#%@-]{6}/;

describe.skipIf(!hasTerminals)('serpy demo in a terminal', { timeout: 90_000 }, () => {
  test('shows the picture and all figures within 5 s, reacts to u, r, s and q, and restores the screen', async () => {
    const before = performance.now();
    await new Program(process.execPath, serpy('--version').slice(1)).ended;
    const startsInMs = performance.now() - before;

    const begun = performance.now();
    const terminal = await PseudoTerminal.start(serpy('demo', '--out', folder), { env: { NO_COLOR: '1' } });
    await terminal.until(isPictured);
    await terminal.until(/received +[1-9]/);
    expect(performance.now() - begun).toBeLessThan(2 * startsInMs + 5000);
    expect(terminal.screen.isTakenOver).toBe(true);
    expect(terminal.screen.isCursorShown).toBe(false);
    const url = (
      await terminal.until(/try next(?:, in another terminal)?: (?:npx )?serpy(?:-cli)? record (serpy2:\S+) run-1/)
    )[1];
    for (const label of ['link', 'protocol', 'fps', 'MB/s', 'queue', 'drops', 'reconnects', 'received', 'count rate']) {
      expect(terminal.text).toMatch(new RegExp(`(^| )${label} +\\S`, 'm'));
    }
    const picture = () => terminal.screen.rows.map((row) => row.slice(0, 40)).join('\n');
    const first = picture();
    while (picture() === first) await terminal.next();

    terminal.type('u');
    await terminal.until(/the cable is pulled for 2 s, and the client reconnects/);
    await terminal.until(/link +down +down/);
    await terminal.until(/link +up +up/);
    await terminal.until(/the camera is back: reconnected after [2-9]\.\d s/);
    expect([figure(terminal, 'reconnects'), terminal.text.includes(url!)]).toEqual([1, true]);
    const received = figure(terminal, 'received');
    while (!(figure(terminal, 'received') > received)) await terminal.next();

    terminal.type('r');
    await terminal.until(/recording to .*serpy-demo-1; press r again/);
    await terminal.until(/\d\d messages, [\d.]+ [kM]B/);
    terminal.type('r');
    const [, messages] = await terminal.until(/recorded ([\d,]+) messages to .*serpy-demo-1/);
    terminal.type('s');
    await terminal.until(/saved .*serpy-demo-1\.png/);
    terminal.type('\x1b[A?'); // an arrow, and a key without a function
    terminal.type('q');
    expect(await terminal.ended()).toBe(0);

    expect(terminal.screen).toMatchObject({ isTakenOver: false, isCursorShown: true });
    expect([...terminal.screen.colors]).toEqual([]);
    expect(terminal.text).toMatch(/^saved .*\.png$/m);
    expect(terminal.text).toMatch(
      /received \d+ images and [\d,]+ counts; reconnected once\n\nTry next:\n {2}(npx )?serpy(-cli)? simulate camera/,
    );
    const read = [...readRecording(join(folder, 'serpy-demo-1'))];
    expect(read.length).toBe(Number(messages!.replace(',', '')));
    expect(new Set(read.map(({ type }) => type))).toEqual(new Set(['bytes', 'int']));
    expect(readNpyHeader(readFileSync(join(folder, 'serpy-demo-1', 'uint16-240x320.npy'))).shape.slice(1)).toEqual([
      240, 320,
    ]);
    expect(decode(readFileSync(join(folder, 'serpy-demo-1.png')))).toMatchObject({
      width: 320,
      height: 240,
      depth: 16,
      channels: 1,
    });
  });

  test('follows the size of the window, and shows the figures if the window is small', async () => {
    const terminal = await PseudoTerminal.start(serpy('demo'), { env: { NO_COLOR: '1' } });
    await terminal.until(isPictured);
    terminal.resize(60, 9);
    await terminal.until(/^serpy demo.*\ncamera +\d.* fps.*\ncounter +\d.*\ncount rate/);
    expect(terminal.text).not.toMatch(/link +up/);
    expect(Math.max(...terminal.text.split('\n').map((row) => row.length))).toBeLessThan(60);
    terminal.resize(100, 40);
    await terminal.until(/link +up +up/);
    await terminal.until(isPictured);
    terminal.type('q');
    expect(await terminal.ended()).toBe(0);
  });

  test('uses the colors of the terminal', async () => {
    for (const [COLORTERM, code] of [
      ['truecolor', /^38;2;\d+;\d+;\d+;48;2;/],
      ['', /^38;5;\d+;48;5;/],
    ] as const) {
      const terminal = await PseudoTerminal.start(serpy('demo'), { env: { COLORTERM, NO_COLOR: '', FORCE_COLOR: '' } });
      await terminal.until(/▀{20}/);
      expect([...terminal.screen.colors].every((each) => code.test(each))).toBe(true);
      expect(terminal.screen.colors.size).toBeGreaterThan(9);
      terminal.type('q');
      expect(await terminal.ended()).toBe(0);
    }
  });

  test.each([
    ['Ctrl-C', (terminal: PseudoTerminal) => terminal.type('\x03'), 0, /Try next:/],
    ['a signal', (terminal: PseudoTerminal) => terminal.signal('SIGTERM'), 0, /Try next:/],
    ['a crash', (terminal: PseudoTerminal) => terminal.signal('SIGUSR2'), 1, /it crashed/],
  ])('restores the screen, the cursor and the keys after %s', async (_, end, status, shows) => {
    const crash = "process.once('SIGUSR2', () => { throw new Error('it crashed'); });";
    const [node = '', ...rest] = serpy('demo');
    const terminal = await PseudoTerminal.start([
      node,
      '--import',
      `data:text/javascript,${encodeURIComponent(crash)}`,
      ...rest,
    ]);
    await terminal.until(/received +[1-9]/);
    end(terminal);
    expect(await terminal.ended()).toBe(status);
    expect(terminal.screen).toMatchObject({ isTakenOver: false, isCursorShown: true });
    expect(terminal.text).toMatch(shows);
    expect(terminal.text).toMatch(/^left with icanon$/m);
  });
});

describe('serpy demo without a terminal', { timeout: 60_000 }, () => {
  const run = (...args: string[]) => {
    const [node = '', ...rest] = serpy('demo', ...args);
    return new Program(node, rest);
  };

  test('prints a line of figures each second, and ends', async () => {
    const { status, stdout, stderr } = await run('--duration', '2.5').ended;
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^camera serpy2:\/\/127\.0\.0\.1:\d+, counter serpy1:\/\/127\.0\.0\.1:\d+\n/);
    const figures =
      /^\d s {2}camera \d+\.\d fps, \d+\.\d\d MB\/s, queue \d+, drops \d+, reconnects 0; counter .*; [\d,]+ counts\/s$/gm;
    expect(stdout.match(figures)?.length).toBeGreaterThanOrEqual(1);
    expect(stdout).toMatch(/received \d+ images and \d+ counts; .*\n\nTry next:\n/);
    expect(stdout).not.toContain('\x1b');
  });

  test('ends cleanly with a signal, and when its output is closed', async () => {
    const program = run();
    await program.until(/^camera serpy2/);
    program.interrupt();
    expect(await program.ended).toMatchObject({ status: 0, stdout: expect.stringMatching(/Try next:/), stderr: '' });
    const [node = '', ...rest] = serpy('demo');
    const piped = new Program('sh', ['-c', '"$@" | head -1', 'sh', node, ...rest]);
    expect(await piped.ended).toMatchObject({ stdout: expect.stringMatching(/^camera .*\n$/), stderr: '' });
  });
});

test('serpy demo --view shows both instruments on a web page', { timeout: 60_000 }, async () => {
  const [node = '', ...rest] = serpy('demo', '--view');
  const program = new Program(node, rest);
  const [, url = ''] = await program.until(/^(http:\/\/127\.0\.0\.1:\d+)$/m);
  const response = await fetch(url);
  expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('serpy view')]);
  const socket = new WebSocket(url.replace('http', 'ws'), ['serpy-view'], { origin: url });
  const panels = await new Promise<string[]>((resolve) => {
    socket.on('message', (data, isBinary) => {
      if (isBinary) return;
      const { panels: views = [] } = JSON.parse(String(data)) as {
        panels?: { source: string; kind: string; unit: string }[];
      };
      if (views.length > 1) resolve(views.map(({ source, kind, unit }) => `${source} ${kind} ${unit}`).sort());
    });
  });
  socket.terminate();
  expect(panels).toEqual(['camera image photons', 'counter trend photons']);
  program.interrupt();
  expect(await program.ended).toMatchObject({ status: 0, stderr: '' });
});

describe('npm start', { timeout: 180_000 }, () => {
  const start = join(root, 'scripts', 'start.mjs');

  test('is the script of package.json', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } };
    expect(scripts.start).toBe('node scripts/start.mjs');
  });

  test.skipIf(!hasTerminals)('is the demo in a terminal', async () => {
    const terminal = await PseudoTerminal.start([process.execPath, start], { env: { NO_COLOR: '1' } });
    await terminal.until(/serpy demo: a simulated camera/);
    await terminal.until(/received +[1-9]/);
    terminal.type('q');
    expect(await terminal.ended()).toBe(0);
    expect(terminal.text).toMatch(/Try next:/);
  });

  test('is the main job without a terminal', async () => {
    const { status, stdout } = await new Program(process.execPath, [start]).ended;
    expect(stdout).toMatch(/Every image and every count arrived as it was sent\.\n$/);
    expect(status).toBe(0);
  });
});
