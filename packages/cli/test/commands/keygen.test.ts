import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, listen } from 'serpy';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runToEnd } from '../run.js';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'serpy-keygen-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

describe('serpy keygen', () => {
  test('writes a key that both ends take', async () => {
    const file = join(folder, 'lab.key');
    const { status, stderr } = await runToEnd(['keygen', file]);
    expect([status, stderr]).toEqual([0, '']);
    const server = await listen({ protocol: 'v2', port: 0, key: { file } });
    const connection = await connect({ autoRestart: false, protocol: 'v2', port: server.address.port, key: { file } });
    expect(connection.encrypted).toBe(true);
    await connection.close();
    await server.closeServer();
  });

  test.skipIf(process.platform === 'win32')('is readable by its owner only, whatever the umask', async () => {
    const file = join(folder, 'lab.key');
    const before = process.umask(0);
    const { stdout } = await runToEnd(['keygen', file]).finally(() => process.umask(before));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(stdout).toContain('only you can read it (permissions 0600)');
  });

  test('says what to do at both ends, and does not print the key', async () => {
    const file = join(folder, 'my lab.key');
    const { stdout } = await runToEnd(['keygen', file]);
    expect(stdout).toContain(`serpy listen serpy2+tls://0.0.0.0:5001 --key-file "${file}"`);
    expect(stdout).toContain(`serpy send serpy2+tls://ADDRESS:5001 --key-file "${file}" hello`);
    expect(stdout).not.toContain(readFileSync(file, 'utf8').trim());
  });

  test('replaces no existing file', async () => {
    const file = join(folder, 'lab.key');
    writeFileSync(file, 'in use');
    const { status, stdout, stderr } = await runToEnd(['keygen', file]);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toBe(`serpy: ${file} exists and may be in use: name another file, or replace it with --force\n`);
    expect(readFileSync(file, 'utf8')).toBe('in use');
  });

  test.skipIf(process.platform === 'win32')('with --force replaces it, readable by its owner alone', async () => {
    const file = join(folder, 'lab.key');
    writeFileSync(file, 'in use', { mode: 0o644 });
    expect(await runToEnd(['keygen', file, '--force'])).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(file, 'utf8')).toMatch(/^[\w-]{43}\n$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('with --force leaves other files alone, creates no further ones, and names the file', async () => {
    const file = join(folder, 'lab.key');
    writeFileSync(file, 'in use');
    writeFileSync(`${file}.new`, 'my own');
    expect(await runToEnd(['keygen', file, '--force'])).toMatchObject({ status: 0 });
    expect(readdirSync(folder).sort()).toEqual(['lab.key', 'lab.key.new']);
    expect(readFileSync(`${file}.new`, 'utf8')).toBe('my own');

    const busy = join(folder, 'busy.key');
    mkdirSync(join(busy, 'in it'), { recursive: true });
    expect(await runToEnd(['keygen', busy, '--force'])).toEqual({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(/^serpy: \S+busy\.key is a folder: name a file for the key, .*\n$/),
    });
    const far = join(folder, 'none', 'lab.key');
    expect(await runToEnd(['keygen', far, '--force'])).toMatchObject({
      status: 2,
      stderr: `serpy: ${far}: no such file or folder (ENOENT)\n`,
    });
    expect(readdirSync(folder).sort()).toEqual(['busy.key', 'lab.key', 'lab.key.new']);
  });

  test('on Windows says how to see who can read it', async () => {
    const file = join(folder, 'lab.key');
    const { stdout } = await runToEnd(['keygen', file], { platform: 'win32' });
    expect(stdout).toContain(`icacls "${file}"`);
    expect(stdout).not.toContain('0600');
  });

  test.each([[''], ['', '--force'], ['.'], ['.', '--force']])(
    'refuses an invalid file name, and suggests one: %j',
    async (...args) => {
      const { status, stdout, stderr } = await runToEnd(['keygen', ...args]);
      expect([status, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^serpy: (?:the file name is empty|\. is a folder): name .* such as lab\.key\n$/);
    },
  );

  test('reports a missing folder', async () => {
    const file = join(folder, 'none', 'lab.key');
    const { status, stderr } = await runToEnd(['keygen', file]);
    expect([status, stderr]).toEqual([2, `serpy: ${file}: no such file or folder (ENOENT)\n`]);
  });
});
