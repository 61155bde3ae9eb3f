import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FileWriter, makeOutFolder, openFolder } from '../../src/messages/out-folder.js';
import { Run, runToEnd } from '../run.js';

let place = '';

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-folders-'));
});

afterEach(() => rmSync(place, { recursive: true }));

const packages = join(import.meta.dirname, '..', '..', '..');

describe('a folder', () => {
  test('is never made in the way of Node that does not end in /proc', () => {
    const all = ['cli', 'serpy-recording'].flatMap((name) => {
      const sources = join(packages, name, 'src');
      return readdirSync(sources, { recursive: true, encoding: 'utf8' }).map((file) => join(sources, file));
    });
    const files = all.filter((file) => file.endsWith('.ts'));
    const wrong = files.filter((file) => /mkdir(Sync)?\([^)]*recursive/.test(readFileSync(file, 'utf8')));
    expect([files.length > 100, wrong]).toEqual([true, []]);
  });

  test.skipIf(!existsSync('/proc/self'))(
    'that cannot be created is reported by every command that creates one',
    async () => {
      const sentence = '/proc/serpy: no folder can be created in /proc: name another folder';
      expect(() => makeOutFolder('/proc/serpy')).toThrow(sentence);
      expect(() => makeOutFolder('/proc/serpy/a/b')).toThrow(sentence);
      expect(await runToEnd(['listen', '--port', '0', '--out', '/proc/serpy'])).toMatchObject({
        status: 2,
        stderr: `serpy: ${sentence}\n`,
      });
      const recording = new Run(['record', '--listen', 'serpy2://127.0.0.1:0', '/proc/serpy']);
      expect(await recording.ended).toMatchObject({
        status: 2,
        stderr: expect.stringContaining(
          'cannot record to /proc/serpy: no folder can be created in /proc; name another folder',
        ),
      });
    },
  );
});

describe('the folder of --out', () => {
  test('keeps no part of a file on a full disk, and names the file and what to do', async () => {
    const full: FileWriter = () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    };
    writeFileSync(join(place, '000001.bin'), 'mine');
    const folder = openFolder(place, full);
    await expect(folder.write({ bytes: Buffer.from('bytes'), extension: 'bin' })).rejects.toThrow(
      `${join(place, '000002.bin')}: the disk is full (ENOSPC); no part of the file was kept: free space, or name another folder`,
    );
    expect(readdirSync(place)).toEqual(['000001.bin']);
    expect(readFileSync(join(place, '000001.bin'), 'utf8')).toBe('mine');
  });

  test('overwrites no file that another program has written meanwhile', async () => {
    const folder = openFolder(place);
    writeFileSync(join(place, '000001.bin'), 'mine');
    mkdirSync(join(place, '000002.bin'));
    expect(await folder.write({ bytes: Buffer.of(1), extension: 'bin' })).toBe(join(place, '000003.bin'));
    expect(readFileSync(join(place, '000001.bin'), 'utf8')).toBe('mine');
  });
});

describe('serpy demo --out', () => {
  test('makes the folder for a picture, too', async () => {
    const out = join(place, 'a', 'b');
    const run = new Run(['demo', '--out', out], { isTTY: true });
    await run.until(/fps/);
    while (!existsSync(out)) {
      run.type('s');
      await new Promise((resolve) => setImmediate(resolve));
    }
    run.type('q');
    const { status, stdout } = await run.ended;
    expect([status, stdout.includes(`saved ${join(out, 'serpy-demo-1.png')}\n`)]).toEqual([0, true]);
  });

  test('draws nothing on a terminal that cannot be drawn on, and prints lines', async () => {
    const run = new Run(['demo', '--duration', '2'], { isTTY: true, env: { TERM: 'dumb' } });
    const { status, stdout } = await run.ended;
    expect([status, stdout.includes('\x1b')]).toEqual([0, false]);
    expect(stdout).toMatch(/^camera serpy2:\S+, counter serpy1:\S+\n1 s {2}camera /);
  });

  test('also says at the end why no picture was saved and no recording was made', async () => {
    writeFileSync(join(place, 'file'), '');
    const run = new Run(['demo', '--out', join(place, 'file')], { isTTY: true });
    await run.until(/received +[1-9]/);
    run.type('r');
    run.type('s');
    run.type('s');
    run.type('q');
    const { stdout } = await run.ended;
    const after = stdout.slice(stdout.lastIndexOf('\x1b'));
    expect(after).toContain(`cannot record to ${join(place, 'file', 'serpy-demo-1')}: `);
    expect(after.match(/file: it already exists \(EEXIST\)/g)).toHaveLength(1);
  });
});
