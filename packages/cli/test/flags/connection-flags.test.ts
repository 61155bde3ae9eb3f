import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, listen } from 'serpy';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConnectionFlags, connectionOptions, type End, sizeInBytes } from '../../src/flags/connection-flags.js';
import { duration, wholeNumber } from '../../src/flags/value-parsers.js';

let folder = '';
let config = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'serpy-options-'));
  config = join(folder, 'lab.json');
  writeFileSync(
    config,
    JSON.stringify({ protocol: 'v2', port: 7000, autoRestart: true, maxConnections: 3, sendQueue: { maxMessages: 5 } }),
  );
});

afterAll(() => rmSync(folder, { recursive: true }));

interface Typed {
  readonly url?: string;
  readonly flags?: ConnectionFlags;
  readonly env?: Record<string, string>;
  readonly end?: End;
}

const optionsOf = ({ url, flags = {}, env = {}, end = 'connect' }: Typed) =>
  connectionOptions(url, flags, end, { env });

/** A command without the flags of reconnecting. */
const atOnce = { autoRestart: false, waitForServer: false };

describe('the options of a connection', () => {
  test('reconnect by default, and wait for the server only if an option says so', () => {
    expect(optionsOf({ flags: { reconnect: true } })).toEqual({ protocol: 'auto', port: 5001, waitForServer: false });
    expect(optionsOf({ flags: { reconnect: false } })).toMatchObject({ autoRestart: false });
    expect(optionsOf({ flags: { reconnect: true, wait: true } })).toMatchObject({ waitForServer: true });
    expect(optionsOf({ flags: { reconnect: true, wait: 500 } })).toMatchObject({ waitForServer: 500 });
    expect(optionsOf({ flags: { reconnect: true }, end: 'listen' })).toEqual({ protocol: 'auto', port: 5001 });
    expect(() => optionsOf({ flags: { wait: true }, end: 'listen' })).toThrow('--wait is for clients');
  });

  test('without a word are those of this computer, port 5001, over either protocol', () => {
    expect(optionsOf({})).toEqual({ protocol: 'auto', port: 5001, ...atOnce });
  });

  test('come from the URL', () => {
    expect(optionsOf({ url: 'serpy1+tls://[::1]:5000?encoding=utf-8&keyFile=lab.key' })).toEqual({
      protocol: 'v1',
      host: '::1',
      port: 5000,
      encoding: 'utf-8',
      key: { file: 'lab.key' },
      tls: {},
      ...atOnce,
    });
  });

  test('come from what is typed, which goes before the URL, and that before the environment and the file', () => {
    const env = { SERPY_PORT: '7001', SERPY_HOST: 'env', SERPY_SEND_QUEUE_MAX_BYTES: '9' };
    expect(optionsOf({ flags: { config } })).toMatchObject({ protocol: 'v2', port: 7000 });
    expect(optionsOf({ flags: { config }, env })).toMatchObject({ protocol: 'v2', port: 7001, host: 'env' });
    const url = 'serpy1://url:7002';
    expect(optionsOf({ flags: { config }, env, url })).toMatchObject({ protocol: 'v1', port: 7002, host: 'url' });
    const flags = { config, protocol: 'auto', host: 'typed', port: 7003, option: ['sendQueue.maxMessages=6'] };
    expect(optionsOf({ flags, env, url })).toMatchObject({
      protocol: 'auto',
      port: 7003,
      host: 'typed',
      sendQueue: { maxMessages: 6, maxBytes: 9 },
    });
  });

  test('are any of the facade’s with --option', () => {
    expect(optionsOf({ flags: { option: ['maxMessageBytes=1e9', 'encoding=latin1', 'port=1'] } })).toEqual({
      protocol: 'auto',
      port: 1,
      maxMessageBytes: 1e9,
      encoding: 'latin1',
      ...atOnce,
    });
  });

  test('of a key file go before a key from elsewhere', () => {
    expect(optionsOf({ flags: { keyFile: 'new.key' }, env: { SERPY_KEY: 'x' } }).key).toEqual({ file: 'new.key' });
  });

  test('of certificates are read from files', () => {
    const pem = join(folder, 'ca.pem');
    writeFileSync(pem, 'a certificate');
    expect(optionsOf({ flags: { tlsCa: pem } }).tls).toEqual({ ca: Buffer.from('a certificate') });
    expect(optionsOf({ flags: { tls: true } }).tls).toEqual({});
    expect(() => optionsOf({ flags: { tlsCa: join(folder, 'none') } })).toThrow(/^cannot read the file .*none/);
  });

  test('of a file and of the environment serve both ends', async () => {
    const given = { flags: { config, port: 0 }, env: { SERPY_MAX_CONNECTIONS: '2', SERPY_AUTO_RESTART: 'false' } };
    const server = await listen(optionsOf({ ...given, end: 'listen' }));
    const { port } = server.address;
    const connection = await connect(optionsOf({ ...given, flags: { config, port } }));
    await connection.close();
    await server.closeServer();
    const env = { SERPY_RECONNECT_MAX_ATTEMPTS: '3' };
    await (await listen(optionsOf({ flags: { port: 0 }, env, end: 'listen' }))).closeServer();
  });

  test('that are typed for the other end are refused', async () => {
    await expect(
      listen(optionsOf({ flags: { port: 0, option: ['autoRestart=true'] }, end: 'listen' })),
    ).rejects.toThrow('autoRestart');
    expect(() => optionsOf({ flags: { reconnect: false }, end: 'listen' })).toThrow('--no-reconnect is for clients');
    expect(() => optionsOf({ flags: { insecure: true } })).toThrow('--insecure is for servers');
  });

  test.each([
    ['5001', "'5001' is not a URL: write serpy://127.0.0.1:5001, or --port 5001"],
    ['lab.example:5001', "'lab.example:5001' is not a URL: write serpy://lab.example:5001"],
    ['http://127.0.0.1:5001', '"http://127.0.0.1:5001" is not a URL'],
    ['serpy2://127.0.0.1', 'has no port'],
  ])('from the URL %s are refused in a sentence', (url, sentence) => {
    expect(() => optionsOf({ url })).toThrow(sentence);
  });

  test('hold no key that was typed: others could read it', () => {
    expect(() => optionsOf({ flags: { option: ['key=secret'] } })).toThrow('keyFile');
    expect(() => optionsOf({ flags: { option: ['nonsense'] } })).toThrow("--option takes name=value, not 'nonsense'");
  });
});

test.each([
  ['1', 1000],
  ['1.5', 1500],
  ['500ms', 500],
  ['10 s', 10_000],
  ['2min', 120_000],
  ['1h', 3_600_000],
])('the time %s is %d ms', (text, milliseconds) => {
  expect(duration('--timeout')(text)).toBe(milliseconds);
});

test.each(['', 'soon', '-1', '1d', '1e9h', '600h'])('%j is not a time', (text) => {
  expect(() => duration('--timeout')(text)).toThrow(/^--timeout takes a time such as/);
});

test.each(['', '-1', '1.5', '0x10', '11', '1e400'])('%j is not a whole number from 1 to 10', (text) => {
  expect(() => wholeNumber('--count', 1, 10)(text)).toThrow(`--count takes a whole number from 1 to 10, not '${text}'`);
});

test('whole numbers may be written in short', () => {
  expect(['7', '1e3', '10_000'].map(wholeNumber('--count', 1))).toEqual([7, 1000, 10_000]);
});

test.each([
  ['50_000', 50_000],
  ['50e9', 50e9],
  ['2MB', 2_000_000],
  ['1.5 GiB', 1.5 * 2 ** 30],
  ['7b', 7],
  ['64kib', 65_536],
])('a size %s is %d bytes', (text, bytes) => {
  expect(sizeInBytes('--max-bytes')(text)).toBe(bytes);
});

test.each(['', '0', '-1', '2M', '2MBs', '1.5', 'MB', '_', '1e400', '9999TB'])('%j is not a size', (text) => {
  expect(() => sizeInBytes('--max-bytes')(text)).toThrow(
    /^--max-bytes takes a size such as 50000, 2MB or 1\.5GiB, not /,
  );
});
