/** Files are there whole or not at all, on disks that fill up at any point and on those that lack links. */
import { execFileSync } from 'node:child_process';
import fs, { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FileSystem, saveFileAtomic } from '../src/atomic-file.js';
import { Run, runToEnd } from './run.js';

let place = '';

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-whole-'));
});

afterEach(() => rmSync(place, { recursive: true }));

const sources = join(import.meta.dirname, '..', 'src');
const coded = (code: string) => Object.assign(new Error(`${code}: it failed`), { code });

/** A system where one function fails, from its nth call on. */
function failing(name: keyof FileSystem, code: string, from = 1): FileSystem {
  let calls = 0;
  const original = fs[name] as (...args: unknown[]) => unknown;
  return {
    ...fs,
    [name]: (...args: unknown[]) => {
      if (++calls >= from) throw coded(code);
      return original(...args);
    },
  };
}

/** A disk with room for a number of bytes. Each write stores a part. */
function small(room: number): FileSystem {
  let left = room;
  return {
    ...fs,
    writeSync: ((file: number, bytes: Uint8Array, offset: number, length: number) => {
      if (left === 0) throw coded('ENOSPC');
      const count = Math.min(3, length, left);
      left -= count;
      return fs.writeSync(file, bytes, offset, count);
    }) as FileSystem['writeSync'],
  };
}

describe('a file that is placed', () => {
  test('is whole, has the permissions that were asked for, and leaves nothing beside it', () => {
    saveFileAtomic(join(place, 'a'), 'some text', { mode: 0o600, durable: true });
    saveFileAtomic(join(place, 'b'), Buffer.from('bytes'), {}, small(100));
    expect(readdirSync(place).sort()).toEqual(['a', 'b']);
    expect([readFileSync(join(place, 'a'), 'utf8'), readFileSync(join(place, 'b'), 'utf8')]).toEqual([
      'some text',
      'bytes',
    ]);
    if (process.platform !== 'win32') expect(statSync(join(place, 'a')).mode & 0o777).toBe(0o600);
  });

  test('replaces none unless it may, and then in one step', () => {
    const file = join(place, 'a');
    saveFileAtomic(file, 'old');
    expect(() => saveFileAtomic(file, 'new')).toThrow(expect.objectContaining({ code: 'EEXIST', path: file }));
    expect(readFileSync(file, 'utf8')).toBe('old');
    saveFileAtomic(file, 'new', { replace: true });
    expect([readdirSync(place), readFileSync(file, 'utf8')]).toEqual([['a'], 'new']);
  });

  test.skipIf(process.platform === 'win32')('takes a link that leads nowhere for a file that is there', () => {
    symlinkSync('nowhere', join(place, 'a'));
    expect(() => saveFileAtomic(join(place, 'a'), 'new')).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  });

  test('is not hindered by what a program that was killed disconnected, and leaves that alone', () => {
    const left = `.serpy-${process.pid}-1.part`;
    writeFileSync(join(place, left), 'left');
    saveFileAtomic(join(place, 'a'), 'text');
    expect(readdirSync(place).sort()).toEqual([left, 'a']);
  });

  test('comes to be on a disk without links, and replaces none there either', () => {
    const system = failing('linkSync', 'EPERM');
    saveFileAtomic(join(place, 'a'), 'text', {}, system);
    expect([readdirSync(place), readFileSync(join(place, 'a'), 'utf8')]).toEqual([['a'], 'text']);
    // Another program was faster than the look.
    const late = { ...system, lstatSync: (() => undefined) as unknown as FileSystem['lstatSync'] };
    expect(() => saveFileAtomic(join(place, 'a'), 'new', {}, late)).toThrow(
      expect.objectContaining({ code: 'EEXIST' }),
    );
    expect([readFileSync(join(place, 'a'), 'utf8'), readdirSync(place)]).toEqual(['text', ['a']]);
  });

  test.each([
    ['before it is begun', () => failing('openSync', 'ENOSPC')],
    ['at its first byte', () => small(0)],
    ['in the middle of it', () => small(5)],
    ['as it is brought to the disk', () => failing('fsyncSync', 'ENOSPC')],
    ['as it is closed', () => failing('closeSync', 'ENOSPC')],
    ['as it is moved', () => failing('linkSync', 'ENOSPC')],
    [
      'as it is moved without links',
      () => ({ ...failing('linkSync', 'EPERM'), renameSync: failing('renameSync', 'ENOSPC').renameSync }),
    ],
  ])('is not there at all when the disk is full %s, and the error names it', (_, system) => {
    const file = join(place, 'a');
    expect(() => saveFileAtomic(file, 'some text', { durable: true }, system())).toThrow(
      expect.objectContaining({ code: 'ENOSPC', path: file }),
    );
    expect(readdirSync(place)).toEqual([]);
  });

  test('that fails leaves the one it was to replace', () => {
    const file = join(place, 'a');
    saveFileAtomic(file, 'old');
    for (const system of [small(4), failing('renameSync', 'EIO')]) {
      expect(() => saveFileAtomic(file, 'some text', { replace: true }, system)).toThrow();
      expect([readdirSync(place), readFileSync(file, 'utf8')]).toEqual([['a'], 'old']);
    }
  });
});

test('no other code of the commands writes files, but exports, which take their name when they are complete', () => {
  const all = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const writing = all.filter((name) =>
    /writeFile|createWriteStream|appendFile|writeSync/.test(readFileSync(join(sources, name), 'utf8')),
  );
  expect(writing.sort()).toEqual(['atomic-file.ts', join('export', 'append-all.ts'), join('export', 'zarr.ts')]);
});

/** A disk of 64 KiB that is nearly full, where this user may have one. */
function tinyDisk(): string | undefined {
  const folder = join(place, 'disk');
  fs.mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', folder], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  let left = 15;
  while (left-- > 0) writeFileSync(join(folder, 'full'), Buffer.alloc(4096), { flag: 'a' });
  writeFileSync(join(folder, 'rest'), Buffer.alloc(4096));
  return folder;
}

describe('on a disk that is full', () => {
  let disk: string | undefined;
  beforeEach(() => {
    disk = tinyDisk();
  });
  afterEach(() => {
    if (disk !== undefined) execFileSync('umount', [disk]);
  });

  test('keygen leaves no file that a later run takes for a key', async ({ skip }) => {
    if (disk === undefined) return skip('no disk can be mounted here');
    const file = join(disk, 'lab.key');
    expect(await runToEnd(['keygen', file])).toEqual({
      status: 1,
      stdout: '',
      stderr: `serpy: ${file}: the disk is full (ENOSPC)\n`,
    });
    expect(readdirSync(disk).sort()).toEqual(['full', 'rest']);
  });

  test('the key s of the demo leaves no picture that is cut short', async ({ skip }) => {
    if (disk === undefined) return skip('no disk can be mounted here');
    const run = new Run(['demo', '--out', disk], { isTTY: true });
    await run.until(/received +[1-9]/);
    run.type('s');
    run.type('q');
    const { stdout } = await run.ended;
    expect(stdout.slice(stdout.lastIndexOf('\x1b'))).toContain('serpy-demo-1.png: the disk is full (ENOSPC)');
    expect(readdirSync(disk).sort()).toEqual(['full', 'rest']);
  });
});
