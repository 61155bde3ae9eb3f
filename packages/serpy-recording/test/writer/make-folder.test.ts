import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemDisk } from 'serpy-recording';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

let place = '';

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-folders-'));
});

afterEach(() => rmSync(place, { recursive: true }));

describe('a folder', () => {
  test('is created with its parents, and may exist', () => {
    const folder = join(place, 'a', 'b', 'c');
    systemDisk.makeFolder(folder);
    systemDisk.makeFolder(folder);
    systemDisk.makeFolder(join(place, 'd', '..', 'e', ''));
    expect(existsSync(folder)).toBe(true);
    expect(readdirSync(place).sort()).toEqual(['a', 'e']);
  });

  test.skipIf(!existsSync('/proc/self'))('cannot be created in a file system without folders of its own', () => {
    expect(() => systemDisk.makeFolder('/proc/serpy/a')).toThrow('/proc/serpy: no folder can be created in /proc');
  });

  test.skipIf(process.platform === 'win32')('cannot be created where something else is', () => {
    writeFileSync(join(place, 'file'), '');
    symlinkSync('nowhere', join(place, 'link'));
    expect(() => systemDisk.makeFolder(join(place, 'file'))).toThrow('EEXIST');
    expect(() => systemDisk.makeFolder(join(place, 'file', 'a'))).toThrow('ENOTDIR');
    expect(() => systemDisk.makeFolder(join(place, 'link', 'a'))).toThrow('EEXIST');
  });
});
