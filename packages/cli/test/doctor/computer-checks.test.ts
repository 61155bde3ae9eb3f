/** The checks of this computer, each where all is well and where something is not. */
import { networkInterfaces } from 'node:os';
import { type Connection, type ConnectOptions, connect, type ListenOptions, listen } from 'serpy';
import { describe, expect, test } from 'vitest';
import type { Check } from '../../src/doctor/checks/check.js';
import type { Executed } from '../../src/doctor/checks/host-info.js';
import { computerChecks } from '../../src/doctor/computer-checks.js';
import { check, refusal, surroundings } from './host-info.js';

const checks = new Map(computerChecks({ number: 5001, isRequested: false }).map((each) => [each.name, each]));

function named(name: string): Check {
  const found = checks.get(name);
  if (!found) throw new Error(`there is no check ${name}`);
  return found;
}

const refusing = (code: string, cause: string) => ({
  listen: () => Promise.reject(refusal(code, `cannot listen (${cause})`, cause)),
});

/** A server whose accepted connections are changed by the test. */
function listening(change: (connection: Connection) => void) {
  return {
    listen: async (options: ListenOptions) => {
      const server = await listen(options);
      server.on('connection', change);
      return server;
    },
  };
}

/** Takes a connection whose bytes arrive with one bit wrong, as no link of ours lets through. */
const damaging = listening((connection) => {
  const { getMessage } = connection;
  connection.getMessage = async (options) => {
    const message = await getMessage.call(connection, options);
    if (!Buffer.isBuffer(message.value)) return message;
    const bytes = Buffer.from(message.value);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    return Object.assign(Object.create(message), { value: bytes, bytes: () => bytes });
  };
});

describe('node', () => {
  test.each(['20.19.0', '20.20.2', '22.0.0', '24.1.0-nightly'])('Node %s is new enough', async (nodeVersion) => {
    expect(await check(named('node'), { nodeVersion })).toMatchObject({
      status: 'ok',
      figures: { version: nodeVersion },
    });
  });

  test.each(['20.18.3', '18.20.0', '9.11.2'])('Node %s is too old', async (nodeVersion) => {
    const result = await check(named('node'), { nodeVersion });
    expect(result).toMatchObject({ status: 'FAIL', advice: expect.stringContaining('https://nodejs.org') });
  });
});

describe('listen', () => {
  test('is ok where a program is given a port', async () => {
    expect(await check(named('listen'))).toMatchObject({ status: 'ok', message: expect.stringMatching(/port \d+$/) });
  });

  test('fails where none is', async () => {
    const result = await check(named('listen'), refusing('ERR_SERPY_LISTEN', 'EACCES'));
    expect(result).toMatchObject({ status: 'FAIL', message: expect.stringContaining('EACCES') });
    expect(result.advice).toContain('firewall');
  });
});

describe('port', () => {
  const port = (number: number, isRequested: boolean) => {
    const found = computerChecks({ number, isRequested }).find(({ name }) => name === 'port');
    return found as Check;
  };

  test('is ok where the port is free', async () => {
    const server = await listen({ protocol: 'v2', port: 0 });
    const number = server.address.port;
    await server.closeServer();
    expect(await check(port(number, true))).toEqual({
      status: 'ok',
      message: `port ${number} is free`,
      figures: { port: number },
    });
  });

  test.each([
    ['linux', "ss -ltnp 'sport = :PORT'"],
    ['darwin', 'lsof -nP -iTCP:PORT -sTCP:LISTEN'],
    ['win32', 'Get-NetTCPConnection -LocalPort PORT'],
  ] as const)('on %s says how to find who has it', async (platform, command) => {
    const server = await listen({ protocol: 'v2', port: 0 });
    const number = server.address.port;
    const requested = await check(port(number, true), { platform });
    const unasked = await check(port(number, false), { platform });
    await server.closeServer();
    expect([requested.status, unasked.status]).toEqual(['FAIL', 'warn']);
    expect(requested.message).toBe(`port ${number} is in use`);
    expect(requested.advice).toContain(command.replace('PORT', String(number)));
  });

  test('tells of ports that the system keeps for itself', async () => {
    const result = await check(port(80, true), { platform: 'win32', ...refusing('ERR_SERPY_LISTEN', 'EACCES') });
    expect(result).toMatchObject({ status: 'FAIL', advice: expect.stringContaining('excludedportrange') });
  });

  test('tells of anything else in the words of the facade', async () => {
    const result = await check(port(80, false), refusing('ERR_SERPY_LISTEN', 'EIO'));
    expect(result).toMatchObject({ status: 'warn', message: expect.stringContaining('cannot listen (EIO)') });
  });
});

describe.each([
  'loopback IPv4',
  'loopback IPv6',
  'localhost',
  'protocol v1',
  'protocol v2',
  'auto',
  'session',
  'encryption',
])('%s', (name) => {
  test('is ok on a computer where all is well', async () => {
    const isThere = name !== 'loopback IPv6' || hasIPv6();
    expect((await check(named(name))).status).toBe(isThere ? 'ok' : 'warn');
  });

  test('finds corrupted bytes', async () => {
    expect(await check(named(name), damaging)).toMatchObject({
      status: 'FAIL',
      message: expect.stringContaining('bytes arrived corrupted'),
      advice: expect.stringContaining('its memory is defective'),
    });
  });
});

describe('addresses of this computer', () => {
  const without = refusing('ERR_SERPY_LISTEN', 'EADDRNOTAVAIL');

  test('IPv4 that does not work is a failure', async () => {
    const result = await check(named('loopback IPv4'), without);
    expect(result).toMatchObject({ status: 'FAIL', advice: expect.stringContaining('127.0.0.1') });
  });

  test('missing IPv6 is only a warning', async () => {
    const result = await check(named('loopback IPv6'), without);
    expect(result).toMatchObject({ status: 'warn', advice: expect.stringContaining('use 127.0.0.1') });
  });

  test('an unknown name localhost is a warning that names the hosts file', async () => {
    const lookup = () => Promise.reject(new Error('getaddrinfo ENOTFOUND localhost'));
    const result = await check(named('localhost'), { lookup });
    expect(result).toMatchObject({ status: 'warn', advice: expect.stringContaining('hosts file') });
  });
});

describe('protocols against themselves', () => {
  const connecting = (change: (connection: Connection) => void) => ({
    connect: async (options: ConnectOptions, wait: { readonly signal: AbortSignal }) => {
      const connection = await connect(options, wait);
      change(connection);
      return connection;
    },
  });

  test('auto fails if the detected protocol is wrong', async () => {
    const lying = connecting((connection) => Object.defineProperty(connection, 'peerProtocol', { value: 'v2' }));
    const result = await check(named('auto'), lying);
    expect(result).toMatchObject({ status: 'FAIL', message: 'a v1 server was detected as v2' });
  });

  test('session fails where there is none', async () => {
    const lying = connecting((connection) => Object.defineProperty(connection, 'inSession', { value: false }));
    expect((await check(named('session'), lying)).status).toBe('FAIL');
  });

  test('encryption fails if a connection with a key is not encrypted', async () => {
    const lying = connecting((connection) => Object.defineProperty(connection, 'encrypted', { value: false }));
    const result = await check(named('encryption'), lying);
    expect(result).toMatchObject({ status: 'FAIL', message: 'the connection with a key is not encrypted' });
  });
});

describe.each(['v1', 'v2'])('%s throughput', (protocol) => {
  const one = named(`${protocol} throughput`);

  test('tells the rates of 1, 10 and 100 MB', { timeout: 60_000 }, async () => {
    const result = await check(one, { clock: { ...surroundings().clock, now: ticking(10) } });
    expect(result).toMatchObject({
      status: 'ok',
      message: '1 MB at 100 MB/s, 10 MB at 1,000 MB/s, 100 MB at 10,000 MB/s',
    });
    expect(result.figures).toEqual({
      megabytesPerSecondAt1MB: 100,
      megabytesPerSecondAt10MB: 1000,
      megabytesPerSecondAt100MB: 10_000,
    });
  });

  test('spares a small computer the largest', async () => {
    const result = await check(one, { totalMemoryBytes: 5e8, clock: { ...surroundings().clock, now: ticking(10) } });
    expect(result).toMatchObject({ status: 'ok', message: '1 MB at 100 MB/s, 10 MB at 1,000 MB/s' });
  });

  test('warns where that is slow', { timeout: 60_000 }, async () => {
    const result = await check(one, { clock: { ...surroundings().clock, now: ticking(20_000) } });
    expect(result).toMatchObject({ status: 'warn', advice: expect.stringContaining('virus scanner') });
  });

  test('fails where a message arrives damaged', async () => {
    expect(await check(one, damaging)).toMatchObject({
      status: 'FAIL',
      message: expect.stringContaining('1 MB arrived'),
    });
  });
});

describe('slow reader', () => {
  const growing = (...bytes: number[]) => ({ residentBytes: () => bytes.shift() ?? 0 });

  test('is ok where the sender waits and everything arrives later', async () => {
    const result = await check(named('slow reader'), growing(0, 5e6));
    expect(result).toMatchObject({ status: 'ok', message: expect.stringContaining('memory grew by 5 MB') });
    expect(result.figures?.acceptedBytes).toBeLessThanOrEqual(2 ** 26);
    expect(result.figures?.acceptedBytes).toBeGreaterThan(2 ** 22);
  });

  test('warns where memory grows nevertheless', async () => {
    expect((await check(named('slow reader'), growing(0, 5e8))).status).toBe('warn');
  });

  test('fails if the sender is never throttled', { timeout: 60_000 }, async () => {
    const greedy = {
      listen: (options: ListenOptions) =>
        listen({ ...options, receiveQueue: { maxBytes: 2 ** 30, maxMessages: 10_000 } }),
    };
    expect(await check(named('slow reader'), greedy)).toMatchObject({
      status: 'FAIL',
      message: 'a sender sent 268 MB to a reader that does not read: nothing throttles it',
    });
  });
});

describe('python and numpy', () => {
  /** Programs that are there, by what is typed. */
  const programs = (there: Readonly<Record<string, string>>) => ({
    execute: async (command: string, args: readonly string[]): Promise<Executed> => {
      const stdout =
        there[[command, ...args.slice(0, -2), /numpy/.test(args.at(-1) ?? '') ? 'numpy' : ''].join(' ').trim()];
      return stdout === undefined ? { error: Object.assign(new Error('spawn'), { code: 'ENOENT' }) } : { stdout };
    },
  });

  test('are ok with their versions', async () => {
    const there = programs({ python3: '3.12.4\n', 'python3 numpy': '2.1.0\n' });
    expect(await check(named('python'), there)).toMatchObject({ status: 'ok', message: 'Python 3.12.4 (python3)' });
    expect(await check(named('numpy'), there)).toMatchObject({ status: 'ok', message: 'numpy 2.1.0' });
  });

  test('are found as python where there is no python3, and with the launcher of Windows', async () => {
    expect((await check(named('python'), programs({ python: '3.9.1' }))).message).toBe('Python 3.9.1 (python)');
    const windows = { platform: 'win32' as const, ...programs({ 'py -3': '3.12.4\r\n', 'py -3 numpy': '2.1.0\r\n' }) };
    expect((await check(named('python'), windows)).message).toBe('Python 3.12.4 (py -3)');
    expect((await check(named('numpy'), windows)).message).toBe('numpy 2.1.0');
  });

  test('Python 2 does not count', async () => {
    expect((await check(named('python'), programs({ python: '2.7.18' }))).status).toBe('warn');
  });

  test.each([
    ['linux', 'sudo apt install python3'],
    ['darwin', 'brew install python'],
    ['win32', 'winget install Python'],
  ] as const)('on %s says how to get Python, and never fails', async (platform, how) => {
    const nothing = { platform, ...programs({}) };
    const result = await check(named('python'), nothing);
    expect(result).toMatchObject({ status: 'warn', advice: expect.stringContaining(how) });
    expect((await check(named('numpy'), nothing)).status).toBe('skip');
  });

  test('says how to get numpy for the Python that is there', async () => {
    const result = await check(named('numpy'), programs({ python3: '3.12.4' }));
    expect(result).toMatchObject({ status: 'warn', advice: expect.stringContaining('python3 -m pip install numpy') });
  });
});

function hasIPv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'));
}

/** A clock that advances by a fixed time with each look. */
function ticking(stepMs: number): () => number {
  let nowMs = 0;
  return () => {
    nowMs += stepMs;
    return nowMs;
  };
}
