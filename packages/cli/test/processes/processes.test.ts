/** The command as it is installed, in processes of its own: pipes, terminals, signals. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'serpy';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { killPrograms, Program } from '../../../../test/program.js';
import { readManifest } from '../../../../test/workspace.js';
import { hasTerminals, type InstalledCommand, installedCommand, lastRows, shows } from '../command.js';

vi.setConfig({ hookTimeout: 600_000, testTimeout: 60_000 });

let command: InstalledCommand;
let folder = '';

beforeAll(async () => {
  command = await installedCommand();
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'serpy-processes-'));
});

afterEach(async () => {
  await killPrograms();
  rmSync(folder, { recursive: true });
});

/** A listener on a free port. */
async function startListener(...args: string[]): Promise<[listener: Program, port: string]> {
  const listener = command.start(['listen', '--port', '0', ...args]);
  const [, port = ''] = await listener.untilStderr(/listening on 127\.0\.0\.1:(\d+)/);
  return [listener, port];
}

describe('the installed command', () => {
  test('is called serpy', async () => {
    const bin = join(command.main, '..', '..', '..', '.bin', 'serpy');
    expect(existsSync(bin) || existsSync(`${bin}.cmd`)).toBe(true);
    expect(readFileSync(command.main, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(await command.start(['--version']).ended).toEqual({
      status: 0,
      stdout: `${readManifest('cli').version}\n`,
      stderr: '',
    });
  });

  test('without arguments prints the help, with examples first', async () => {
    const { status, stdout, stderr } = await command.start([]).ended;
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /Examples:\n {2}# .*\n {2}serpy demo\n {2}# .*\n {2}serpy listen\n {2}# .*\n {2}serpy send hello\n/,
    );
  });

  test('listens and sends, in pipes', async () => {
    const [listener, port] = await startListener('--count', '3', '--json');
    const file = join(folder, 'bytes.bin');
    writeFileSync(file, Buffer.of(1, 2, 3));
    const sender = command.start(['send', '--port', port, '-', '--file', file]);
    sender.type('hello\nwörld\n');
    sender.endInput();
    expect(await sender.ended).toEqual({ status: 0, stdout: '', stderr: 'sent 3 messages, 14 bytes, acknowledged\n' });
    const { status, stdout, stderr } = await listener.ended;
    expect([status, stderr]).toEqual([0, expect.stringMatching(/received 3 messages, 14 bytes in \d+\.\d s\n$/)]);
    const values = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(values.map(({ value, base64 }) => value ?? base64)).toEqual(['hello', 'wörld', 'AQID']);
  });

  test('Ctrl-C stops it cleanly, and it says what was received', async () => {
    const [listener, port] = await startListener();
    const connection = await connect({ autoRestart: false, protocol: 'v2', port: Number(port) });
    await connection.sendData('hello');
    await listener.until(/hello\n/);
    listener.interrupt();
    const { status, stderr } = await listener.ended;
    expect(status).toBe(0);
    expect(stderr).toMatch(/received 1 message, 5 bytes in \d+\.\d s\n$/);
    await connection.close();
  });

  test('so does SIGTERM', async () => {
    const [listener] = await startListener();
    listener.signal('SIGTERM');
    expect(await listener.ended).toMatchObject({ status: 0, stderr: expect.stringContaining('received 0 messages') });
  });

  test('a second Ctrl-C stops it at once, whatever it waits for', async () => {
    const [listener, port] = await startListener('-o', 'closeTimeoutMs=600000');
    // A peer that neither reads nor disconnects.
    const stuck = command.start(['chat', '--no-reconnect', '--protocol', 'v2', '--port', port]);
    await listener.untilStderr(/ connected\n/);
    stuck.signal('SIGSTOP');
    listener.interrupt();
    const ended = listener.ended.then(({ status }) => status);
    for (;;) {
      const status = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 50, 'waits'))]);
      if (status !== 'waits') {
        expect(status).toBe(1);
        return;
      }
      listener.interrupt();
    }
  });

  test('a reader that goes, as head does, ends it quietly', async () => {
    const shell = `"$0" "$1" listen --port 0 2>"$2" | head -n 1`;
    const errors = join(folder, 'stderr');
    const program = new Program('sh', ['-c', shell, process.execPath, command.main, errors]);
    const port = await vi.waitUntil(() => /:(\d+) /.exec(existsSync(errors) ? readFileSync(errors, 'utf8') : '')?.[1], {
      timeout: 20_000,
    });
    const connection = await connect({ autoRestart: false, protocol: 'v2', port: Number(port) });
    let isOver = false;
    void program.ended.then(() => {
      isOver = true;
    });
    while (!isOver) {
      await connection.sendData('hello').catch(() => {});
      await new Promise(setImmediate);
    }
    expect((await program.ended).stdout).toBe('hello\n');
    expect(readFileSync(errors, 'utf8')).not.toMatch(/EPIPE|at |received/);
    connection.destroy();
  });

  test.skipIf(!existsSync('/dev/full'))('a disk that is full ends it with a sentence', async () => {
    const shell = `"$0" "$1" --help >/dev/full; echo "$?"; "$0" "$1" keygen "$2" >/dev/full; echo "$?"`;
    const { stdout, stderr } = await new Program('sh', ['-c', shell, process.execPath, command.main, join(folder, 'k')])
      .ended;
    expect(stdout).toMatch(/^[01]\n1\n$/);
    expect(stderr).toContain('serpy: the disk is full (ENOSPC)\n');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('shows where an error happened with --debug alone', async () => {
    const args = ['send', '--config', join(folder, 'none.json'), 'hello'];
    const plain = await command.start(args).ended;
    expect(plain).toMatchObject({ status: 2, stdout: '' });
    expect(plain.stderr).toMatch(/^serpy: the configuration file [^\n]* cannot be read: [^\n]*\n$/);
    const debugged = await command.start([...args, '--debug']).ended;
    expect(debugged.stderr).toMatch(/^\s+at /m);
    expect(debugged.stderr).toContain(plain.stderr);
  });

  test('chats and makes keys', async () => {
    const key = join(folder, 'lab.key');
    expect(await command.start(['keygen', key]).ended).toMatchObject({ status: 0, stderr: '' });
    const host = command.start(['chat', '--listen', '--port', '0', '--key-file', key]);
    const [, port = ''] = await host.untilStderr(/listening on 127\.0\.0\.1:(\d+)/);
    const guest = command.start(['chat', '--no-reconnect', '--port', port, '--key-file', key]);
    guest.type('hello\n');
    await host.until(/hello\n/);
    await host.untilStderr(/connected, encrypted\n/);
    guest.endInput();
    expect(await guest.ended).toMatchObject({ status: 0 });
    host.interrupt();
    expect(await host.ended).toMatchObject({ status: 0 });
  });
});

describe.skipIf(!hasTerminals)('in a terminal (needs python3)', () => {
  test('colours are there, and none with NO_COLOR', async () => {
    const args = ['lisen'];
    const coloured = await command.startInTerminal(args).ended;
    expect(coloured.stdout).toContain('\x1b[31mserpy:\x1b[39m');
    const plain = await command.startInTerminal(args, 80, { NO_COLOR: '1' }).ended;
    expect(plain.stdout).toBe("serpy: unknown command 'lisen' (Did you mean listen?)\r\n");
    expect([coloured.status, plain.status]).toEqual([2, 2]);
  });

  test('help is as wide as the terminal', async () => {
    const { stdout } = await command.startInTerminal(['listen', '--help'], 60, { NO_COLOR: '1' }).ended;
    const options = stdout.split('Examples:')[0] ?? '';
    expect(Math.max(...options.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(60);
  });

  test('a message that arrives does not break the line that is being typed', async () => {
    const columns = 40;
    const listener = command.startInTerminal(['chat', '--listen', '--port', '0'], columns);
    const [, found] = await listener.until(/listening on 127\.0\.0\.1:(\d+)/);
    const peer = await connect({ autoRestart: false, protocol: 'v2', port: Number(found) });
    await peer.sendData('first');
    await listener.until(/: first/);
    listener.type('half a line');
    await listener.until(/half a line/);
    await peer.sendData('in between');
    const from = `127.0.0.1:${peer.local?.port}: `;
    await shows(listener, [`${from}in between`, '> half a line'], columns);
    listener.type(' and more\r');
    expect(await peer.getData()).toBe('half a line and more');
    listener.type('\x03');
    expect((await listener.ended).status).toBe(0);
    await peer.close();
  });

  test('a progress bar fills its row, and is removed at the end', async () => {
    const file = join(folder, 'large');
    writeFileSync(file, Buffer.alloc(20_000_000));
    const [, port] = await startListener('--out', folder);
    const sender = command.startInTerminal(['send', '--port', port, '--file', file], 80, { NO_COLOR: '1' });
    const { status, stdout } = await sender.ended;
    expect(status).toBe(0);
    expect(stdout).toMatch(/[█░]{30} \d+ % {2}\S+ \S+ of 20 MB {2}\S+ \S+\/s/);
    expect(lastRows(sender, 2)).toEqual([
      expect.stringMatching(/^sent 1 message, 20 MB in \d+\.\d s, .*\/s, acknowledged$/),
      '',
    ]);
  });

  test('Ctrl-C in a terminal ends it cleanly', async () => {
    const listener = command.startInTerminal(['listen', '--port', '0']);
    await listener.until(/listening/);
    listener.type('\x03');
    const { status, stdout } = await listener.ended;
    expect(status).toBe(0);
    expect(stdout).toMatch(/received 0 messages, 0 bytes in \d+\.\d s/);
  });
});
