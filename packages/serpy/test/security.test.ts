/** Keys and TLS as programs use them: both protocols, from options, URLs, files and the environment, up to the events. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as facade from 'serpy';
import { connect, environmentOptions, generateKey, listen, loadConfig, type PortableConnection, parseUrl } from 'serpy';
import { waitFor } from 'serpy-contract-tests/stage';
import { systemEnvironment } from 'serpy-core';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { makeCertificate } from '../../core/test/transport/certificates.js';

const folder = mkdtempSync(join(tmpdir(), 'serpy-security-'));
afterAll(() => rmSync(folder, { recursive: true }));

const key = generateKey();
const keyPath = join(folder, 'lab.key');
writeFileSync(keyPath, `${key}\n`);

const open: { destroy?(): void; closeServer?(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) {
    each.destroy?.();
    await each.closeServer?.();
  }
});

function keep<T extends object>(each: T): T {
  open.push(each as (typeof open)[number]);
  return each;
}

function configFile(config: object): string {
  const path = join(folder, 'instrument.json');
  writeFileSync(path, JSON.stringify(config));
  return path;
}

const environment = (settings: object) => ({ ...systemEnvironment, ...settings });

describe('a key', () => {
  test.each([
    ['v1', 'v1'],
    ['v2', 'v2'],
    ['auto', 'auto'],
    ['v1', 'auto'],
    ['v2', 'auto'],
  ] as const)('protects a %s client and a %s server', async (client, server) => {
    const listening = keep(await listen({ protocol: server, port: 0, key }));
    const connection = keep(await connect({ protocol: client, port: listening.address.port, key }));
    await connection.sendData('temperature?');
    const accepted = await listening.getConnection();
    expect((await accepted.getMessage()).text()).toBe('temperature?');
    expect([connection.encrypted, accepted.encrypted]).toEqual([true, true]);
    expect(accepted.identity).toBe('serpy client');
    await accepted.sendData(21.5);
    expect((await connection.getMessage()).number()).toBe(21.5);
  });

  test('protects the classes of serpy-v1 and serpy-v2', async () => {
    for (const { Connection, Server } of [v1, v2]) {
      const server = keep(await new Server({ port: 0, key }).start());
      server.on('warning', () => {});
      const client = keep(await new Connection({ key: { file: keyPath } }).connect('127.0.0.1', server.address.port));
      await client.sendData('hello');
      expect(String(await (await server.getConnection()).getData())).toBe('hello');
      await expect(
        new Connection({ key: generateKey() }).connect('127.0.0.1', server.address.port),
      ).rejects.toMatchObject({
        code: 'ERR_SERPY_AUTH',
      });
    }
  });

  test('is made by every package', () => {
    for (const { generateKey: make } of [facade, v1, v2]) expect(make()).toMatch(/^[\w-]{43}$/);
  });

  test('comes from a file that a URL names, from a variable, and from a variable that names a file', async () => {
    const server = keep(await listen({ protocol: 'v2', port: 0, key }));
    const { port } = server.address;
    const url = `serpy2+tls://127.0.0.1:${port}`;
    const config = configFile({ protocol: 'v2', port });
    const ways = [
      `${url}?keyFile=${encodeURIComponent(keyPath)}`,
      loadConfig(config, { env: { SERPY_KEY: key } }),
      loadConfig(config, { env: { SERPY_KEY_FILE: keyPath } }),
      loadConfig(config, { env: { SERPY_URL: url, SERPY_KEY: key } }),
      loadConfig(configFile({ protocol: 'v2', port, key: { file: keyPath } }), { env: {} }),
      loadConfig(configFile({ protocol: 'v2', port, key }), { env: { SERPY_URL: url } }),
    ];
    for (const way of ways) expect(keep(await connect(way)).encrypted).toBe(true);
  });

  test('of the environment goes before that of the file', () => {
    const path = configFile({ protocol: 'v2', port: 1, key: { file: keyPath } });
    expect(loadConfig(path, { env: { SERPY_KEY: key } })).toMatchObject({ key });
    expect(
      loadConfig(configFile({ protocol: 'v2', port: 1, key }), { env: { SERPY_KEY_FILE: keyPath } }),
    ).toMatchObject({
      key: { file: keyPath },
    });
  });

  test('in the environment is text, even if it looks like a number', () => {
    const digits = '1234567890'.repeat(7).slice(0, 64);
    expect(environmentOptions({ SERPY_KEY: digits })).toEqual({ key: digits });
    expect(environmentOptions({ SERPY_KEY_FILE: '1' })).toEqual({ key: { file: '1' } });
  });

  test('cannot come from two variables', () => {
    expect(() => environmentOptions({ SERPY_KEY: key, SERPY_KEY_FILE: keyPath })).toThrow(
      'SERPY_KEY and SERPY_KEY_FILE are both set',
    );
  });

  test('of a configuration file that cannot be read is reported with both files', () => {
    const path = configFile({ protocol: 'v2', port: 1, key: { file: join(folder, 'none.key') } });
    expect(() => loadConfig(path, { env: {} })).toThrow(/instrument\.json: the key file .*none\.key cannot be read/);
  });

  test.each([
    `serpy2+tls://127.0.0.1:1?key=${key}`,
    `serpy2+tls://127.0.0.1:1?autoRestart=true&k%65y=${key}`,
    `serpy2+tls://127.0.0.1:1?tls.key=${key}`,
    `serpy2+tls://127.0.0.1:1?tls.passphrase=${key}`,
    `serpy2+tsl://127.0.0.1:1?key=${key}`,
    `serpy2+tls://127.0.0.1?key=${key}`,
    `serpy2+tls://127.0.0.1:99999?key=${key}`,
  ])('has no place in a URL, and the error does not show it: %#', (url) => {
    expect(() => parseUrl(url)).toThrow(expect.objectContaining({ code: 'ERR_SERPY_OPTION' }));
    expect(() => parseUrl(url)).not.toThrow(key);
  });

  test('in a URL is refused with the ways to give it', () => {
    expect(() => parseUrl(`serpy2+tls://127.0.0.1:1?key=${key}`)).toThrow(
      'a URL must not hold key, since URLs are often logged. Instead, write ?keyFile=path, set SERPY_KEY or SERPY_KEY_FILE, or give the option',
    );
  });

  test('and certificates together are refused', async () => {
    const tls = { cert: 'PEM', key: 'PEM' };
    for (const attempt of [
      connect({ protocol: 'v2', port: 1, key, tls }),
      listen({ protocol: 'v1', port: 0, key, tls }),
    ]) {
      await expect(attempt).rejects.toMatchObject({
        code: 'ERR_SERPY_OPTION',
        message: expect.stringContaining('exclude each other'),
      });
    }
  });
});

describe('a URL with +tls', () => {
  test.each([
    ['serpy1+tls://h:1', { protocol: 'v1', host: 'h', port: 1, tls: {} }],
    ['serpy2+tls://h:1', { protocol: 'v2', host: 'h', port: 1, tls: {} }],
    ['serpy+tls://[::1]:1', { protocol: 'auto', host: '::1', port: 1, tls: {} }],
    ['serpy2+tls://h:1?tls.servername=camera', { protocol: 'v2', host: 'h', port: 1, tls: { servername: 'camera' } }],
    ['serpy2+tls://h:1?keyFile=7', { protocol: 'v2', host: 'h', port: 1, tls: {}, key: { file: '7' } }],
    ['serpy2://h:1?keyFile=lab.key', { protocol: 'v2', host: 'h', port: 1, key: { file: 'lab.key' } }],
  ])('%s states options', (url, expected) => {
    expect(parseUrl(url)).toEqual(expected);
  });

  test('that says tls=false contradicts itself', () => {
    expect(() => parseUrl('serpy2+tls://h:1?tls=false')).toThrow('is encrypted, which contradicts tls=false');
  });

  test('trusts the certificates that this computer trusts, and no other', async () => {
    const { cert, key: privateKey } = makeCertificate({ name: '127.0.0.1' });
    const server = keep(await listen({ protocol: 'v2', port: 0, tls: { cert, key: privateKey } }));
    await expect(connect(`serpy2+tls://127.0.0.1:${server.address.port}`)).rejects.toMatchObject({
      code: 'ERR_SERPY_AUTH',
      message: expect.stringContaining('has an issuer that this program does not trust'),
    });
  });

  test('keeps the certificates that the file gives', () => {
    const path = configFile({ protocol: 'v2', port: 1, tls: { ca: 'PEM' } });
    expect(loadConfig(path, { env: { SERPY_URL: 'serpy2+tls://h:2' } })).toMatchObject({
      host: 'h',
      tls: { ca: 'PEM' },
    });
  });

  test('needs something to show at a server', async () => {
    await expect(listen('serpy2+tls://127.0.0.1:0')).rejects.toThrow('a server with TLS needs a certificate');
  });
});

describe('certificates', () => {
  test.each(['v1', 'v2', 'auto'] as const)('protect %s', async (protocol) => {
    const { cert, key: privateKey } = makeCertificate({ name: 'localhost' });
    const server = keep(await listen({ protocol, port: 0, tls: { cert, key: privateKey } }));
    const { port } = server.address;
    const options = { protocol, port, tls: { ca: cert, servername: 'localhost' } };
    const connection = keep(await connect(options));
    expect(connection.encrypted).toBe(true);
    expect(connection.identity).toMatch(/^([\dA-F]{2}:){31}[\dA-F]{2}$/);
    await connection.sendData('hello');
    expect((await (await server.getConnection()).getMessage()).text()).toBe('hello');
  });
});

describe('a server with a key', () => {
  test.each(['v1', 'v2'] as const)('warns of a %s client without one, and both ends get an error', async (protocol) => {
    const server = keep(await listen({ protocol, port: 0, key }));
    const warnings: (Error & { remote?: unknown })[] = [];
    server.on('warning', (error) => warnings.push(error));
    const connection = keep(
      await connect({
        protocol,
        port: server.address.port,
        autoRestart: false,
        ...(protocol === 'v2' && { session: 'off' }),
      } as never),
    );
    const closed = once(connection, 'close');
    connection.on('warning', () => {});
    await connection.sendData('hello');
    const [{ reason, error }] = await closed;
    expect([reason, error.code, error.message]).toEqual([
      'protocol',
      'ERR_SERPY_PROTOCOL',
      expect.stringContaining('it looks like TLS'),
    ]);
    expect(warnings).toMatchObject([
      {
        code: 'ERR_SERPY_AUTH',
        remote: connection.local,
        message: expect.stringContaining('the client does not use TLS'),
      },
    ]);
    expect(server.size).toBe(0);
  });

  test.each(['v1', 'v2', 'auto'] as const)(
    'is missed by a client with one at a %s server without',
    async (protocol) => {
      const server = keep(await listen({ protocol, port: 0 }));
      const accepted: PortableConnection[] = [];
      server.on('connection', (connection: PortableConnection) => {
        accepted.push(connection);
        connection.on('warning', () => {});
      });
      await expect(connect({ protocol, port: server.address.port, key })).rejects.toMatchObject({
        code: 'ERR_SERPY_AUTH',
        message: expect.stringContaining('it may not use TLS'),
      });
      await waitFor(() => accepted[0]?.state === 'closed');
      expect(accepted[0]?.closeInfo).toMatchObject({
        reason: 'protocol',
        error: { code: 'ERR_SERPY_PROTOCOL', message: expect.stringContaining('it looks like TLS') },
      });
    },
  );

  test('without listeners emits a process warning for the first rejected client only', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const server = keep(await listen({ protocol: 'v2', port: 0, key }));
    for (let i = 0; i < 3; i++) {
      const attempt = connect({ protocol: 'v2', port: server.address.port, key: generateKey() });
      await expect(attempt).rejects.toMatchObject({ code: 'ERR_SERPY_AUTH' });
    }
    const late = once(server, 'warning');
    const attempt = connect({ protocol: 'v2', port: server.address.port, key: generateKey() });
    await expect(attempt).rejects.toMatchObject({ code: 'ERR_SERPY_AUTH' });
    await late;
    expect(warned.mock.calls).toMatchObject([[{ code: 'ERR_SERPY_AUTH' }]]);
    warned.mockRestore();
  });

  test('lets a program of this computer in with the right key, however many others have come with a wrong one', async () => {
    const server = keep(await listen({ protocol: 'v2', port: 0, key }));
    const drops: unknown[] = [];
    const warnings: unknown[] = [];
    server.on('drop', (info) => drops.push(info));
    server.on('warning', (error) => warnings.push(error));
    for (let i = 0; i < 6; i++) {
      const attempt = connect({ protocol: 'v2', port: server.address.port, key: generateKey() });
      await expect(attempt).rejects.toThrow('the server has a different key');
    }
    await waitFor(() => warnings.length === 6);
    keep(await connect({ protocol: 'v2', port: server.address.port, key }));
    expect(drops).toEqual([]);
  });

  test('does not count authenticating clients as connections, and they keep no client out', async () => {
    const server = keep(await listen({ protocol: 'v2', port: 0, key, maxConnections: 1, maxPendingConnections: 1 }));
    const drops: { reason: string }[] = [];
    server.on('drop', (info) => drops.push(info));
    server.on('warning', () => {});
    const never = new AbortController().signal;
    const connectTo = () => systemEnvironment.dial({ ...server.address, keepAliveMs: 0, signal: never });
    const silent = await Promise.all(Array.from({ length: 9 }, connectTo));
    await waitFor(() => drops.length > 0);
    expect(drops).toMatchObject([{ reason: 'maxPendingConnections' }]);
    expect(server.size).toBe(0);
    keep(await connect({ protocol: 'v2', port: server.address.port, key }));
    await waitFor(() => server.size === 1);
    for (const each of silent) each.destroy();
  });

  test('disconnects a client that does not authenticate within authTimeoutMs', async () => {
    const server = keep(await listen({ protocol: 'v2', port: 0, key, authTimeoutMs: 20 }));
    const warned = once(server, 'warning');
    const connection = keep(
      await connect({ protocol: 'v2', port: server.address.port, session: 'off', autoRestart: false }),
    );
    connection.on('warning', () => {});
    const [{ error }] = await once(connection, 'close');
    expect(error.message).toContain('it looks like TLS');
    expect((await warned)[0].message).toContain('longer than 20 ms (authTimeoutMs)');
  });
});

describe('a server that asks for certificates', () => {
  test('refuses an auto client without one in its own words: the link was up, and nothing had been said', async () => {
    const { cert, key: privateKey } = makeCertificate({ name: '127.0.0.1' });
    const tls = { cert, key: privateKey, ca: cert, requestCert: true };
    const server = keep(await listen({ protocol: 'auto', port: 0, tls }));
    server.on('warning', () => {});
    await expect(connect({ protocol: 'auto', port: server.address.port, tls: { ca: cert } })).rejects.toMatchObject({
      code: 'ERR_SERPY_AUTH',
      message: expect.stringContaining('the server rejected the certificate of this client'),
    });
  });
});

describe('auto restart', () => {
  test('does not hurry either when links come up, and are ended for want of a certificate', async () => {
    const { cert, key: privateKey } = makeCertificate({ name: '127.0.0.1' });
    const tls = { cert, key: privateKey };
    const first = keep(await listen({ protocol: 'v2', port: 0, tls }));
    const { port } = first.address;
    const reconnect = { baseDelayMs: 1, maxDelayMs: 600_000 };
    const options = { protocol: 'v2', port, tls: { ca: cert }, autoRestart: true, reconnect } as const;
    const connection = keep(await connect(options, {}, environment({ random: () => 0.5 })));
    const waits: number[] = [];
    connection.on('reconnecting', ({ delayMs }) => waits.push(delayMs));
    await first.getConnection();
    await first.close();
    const second = keep(await listen({ protocol: 'v2', port, tls: { ...tls, ca: cert, requestCert: true } }));
    second.on('warning', () => {});
    await first.closeServer();
    await waitFor(() => waits.at(-1) === 600_000);
    expect(waits).toEqual([500, 501, 600_000]); // the session was ended on purpose
  });

  test('does not hurry when its key is not taken any more: from the second failure on it waits for maxDelayMs', async () => {
    const first = keep(await listen({ protocol: 'v2', port: 0, key }));
    const { port } = first.address;
    const reconnect = { baseDelayMs: 1, maxDelayMs: 600_000 };
    const connection = keep(
      await connect(
        { protocol: 'v2', port, key, autoRestart: true, reconnect },
        {},
        environment({ random: () => 0.5 }),
      ),
    );
    const waits: [number, string | undefined][] = [];
    connection.on('reconnecting', ({ delayMs, error }) => waits.push([delayMs, (error as { code?: string })?.code]));
    await first.getConnection();
    await first.close();
    const second = keep(await listen({ protocol: 'v2', port, key: generateKey() }));
    second.on('warning', () => {});
    await first.closeServer();
    await waitFor(() => waits.length === 3);
    expect(waits).toEqual([
      [500, undefined],
      [501, 'ERR_SERPY_AUTH'],
      [600_000, 'ERR_SERPY_AUTH'],
    ]);
  });
});

describe('a server that other computers could reach in the open', () => {
  test.each(['v1', 'v2', 'auto'] as const)('is refused, over %s', async (protocol) => {
    await expect(listen({ protocol, host: '0.0.0.0', port: 0 })).rejects.toMatchObject({ code: 'ERR_SERPY_INSECURE' });
  });

  test('starts where the options say that it may', async () => {
    const heard: string[] = [];
    const inMemory = environment({
      listen: async ({ host }: { host: string }) => {
        heard.push(host);
        return { address: { host, port: 1 }, close: () => {} };
      },
    });
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    keep(await listen({ protocol: 'v2', host: '0.0.0.0', port: 0, insecure: true }, inMemory));
    keep(await listen({ protocol: 'v2', host: '0.0.0.0', port: 0, key }, inMemory));
    expect(heard).toEqual(['0.0.0.0', '0.0.0.0']);
    expect(warned.mock.calls).toMatchObject([[{ code: 'ERR_SERPY_INSECURE' }]]);
    warned.mockRestore();
  });
});

test.each([
  ['auto', {}],
  ['v2', { session: 'prefer' }],
  ['v2', { session: 'require' }],
] as const)('connect of %s without a key at a server that has one says so (%j)', async (protocol, options) => {
  for (const server of ['v1', 'v2', 'auto'] as const) {
    const listening = keep(await listen({ protocol: server, port: 0, key }));
    listening.on('warning', () => {});
    const error = await connect({ protocol, port: listening.address.port, ...options }).catch((failure) => failure);
    expect(error).toMatchObject({ code: 'ERR_SERPY_CONNECT' });
    // What TLS says to it may get lost behind the end of the link: then it may be the key, among other things.
    expect(error.message).toMatch(/looks like TLS: .*give both ends the same key|closed the connection immediately/);
  }
});
