import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as facade from 'serpy';
import { type ConnectOptions, connect, environmentOptions, listen, loadConfig, parseUrl } from 'serpy';
import { afterAll, describe, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'serpy-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function configFile(content: string): string {
  const path = join(folder, 'instrument.json');
  writeFileSync(path, content);
  return path;
}

function caught(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

describe('a URL', () => {
  test.each([
    ['serpy1://127.0.0.1:5000', { protocol: 'v1', host: '127.0.0.1', port: 5000 }],
    ['serpy2://camera.lab:5001/', { protocol: 'v2', host: 'camera.lab', port: 5001 }],
    ['serpy://[::1]:5002', { protocol: 'auto', host: '::1', port: 5002 }],
    [
      'serpy2://h:1?autoRestart=true&connectTimeoutMs=50',
      { protocol: 'v2', host: 'h', port: 1, autoRestart: true, connectTimeoutMs: 50 },
    ],
    [
      'serpy1://h:1?encoding=utf-8&sendQueue.maxMessages=5',
      { protocol: 'v1', host: 'h', port: 1, encoding: 'utf-8', sendQueue: { maxMessages: 5 } },
    ],
    ['serpy2://[fe80::1%25eth0]:5001', { protocol: 'v2', host: 'fe80::1%eth0', port: 5001 }],
    ['serpy2://[fe80::1%eth0]:5001', { protocol: 'v2', host: 'fe80::1%eth0', port: 5001 }],
    ['serpy://labor-müller:5001', { protocol: 'auto', host: 'labor-müller', port: 5001 }],
    ['serpy://labor-m%C3%BCller:5001', { protocol: 'auto', host: 'labor-müller', port: 5001 }],
    ['SERPY2+TLS://Camera.lab:5001', { protocol: 'v2', host: 'Camera.lab', port: 5001, tls: {} }],
  ])('%s states options', (url, expected) => {
    expect(parseUrl(url)).toEqual(expected);
  });

  test.each([
    '',
    'camera',
    'http://127.0.0.1:5000',
    'serpy3://h:1',
    'serpy2://h',
    'serpy2://:5000',
    'serpy2://user:secret@h:1',
    'serpy2://h:1/path',
    'serpy2://h:99999',
    'serpy2://::1:5000',
    'serpy2://[camera]:5000',
    'serpy2://[::1%25]x:5000',
    'serpy2://a%00b:5000',
    'serpy2://a b:5000',
    'serpy2://m%FCller:5000',
    'serpy2://h:1#autoRestart=true',
    'serpy2://h:1;autoRestart=true',
    'serpy2://h:1?autoRestart=true;keepAliveMs=0',
  ])('%j is refused with a sentence that shows what one looks like', (url) => {
    expect(() => parseUrl(url)).toThrow(
      expect.objectContaining({ code: 'ERR_SERPY_OPTION', message: expect.stringMatching(/serpy.*:\/\/.*:5001/) }),
    );
  });

  const key = 'V4krCTtgLMNOP0123456789abcdefghijklmnopqrstu';
  test.each([
    ...[`serpy2://:${key}@h:1`, `serpy2://${key}@h:1`, `serpy2://h:1#key=${key}`, `serpy2://h:1#${key}`],
    ...[`serpy2://h:1;key=${key}`, `serpy2://h;key=${key}`, `serpy2://h:1?autoRestart=true;key=${key}`],
    ...[`serpy2://h:1?key=${key}`, `serpy2://h:1/${key}`, `serpy2://h:1/?key=${key}#x`, key, `key=${key}`],
    ...[`http://:${key}@h:1`, `serpy2://h?keyFile=${key}`],
  ])('with a key where it does not belong, as in %s, is refused with an error that does not show it', (url) => {
    const error = caught(() => parseUrl(url));
    expect(error).toMatchObject({ code: 'ERR_SERPY_OPTION' });
    expect(`${error.stack} ${String(error.cause)}`).not.toContain(key.slice(0, 8));
    expect(caught(() => environmentOptions({ SERPY_URL: url })).message).not.toContain(key.slice(0, 8));
  });

  test('and a short passphrase is not shown either', () => {
    for (const url of ['serpy2://:geheim@h', 'serpy2://h#key=geheim', 'serpy2://h;key=geheim', 'serpy2://h/geheim']) {
      expect(caught(() => parseUrl(url)).message).not.toContain('geheim');
    }
  });

  test('with an unknown option or a wrong value is refused by connect and listen', async () => {
    await expect(connect('serpy2://127.0.0.1:1?autorestart=true')).rejects.toThrow('did you mean autoRestart?');
    await expect(connect('serpy2://127.0.0.1:1?autoRestart=yes')).rejects.toThrow(
      "autoRestart takes true or false, not 'yes'",
    );
    await expect(listen('serpy2://127.0.0.1:0?__proto__.x=1')).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION' });
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe('options', () => {
  test.each<[unknown, string]>([
    [undefined, 'options are an object'],
    [null, 'options are an object'],
    [[], 'options are an object'],
    [{}, 'the option port is missing'],
    [{ protocol: 'v3', port: 1 }, "the option protocol takes 'v1' or 'v2' or 'auto' or 'lines', not 'v3' (a string)"],
    [{ protocol: 'v2' }, 'the option port is missing: it takes a whole number from 0 to 65535'],
    [{ protocol: 'v2', port: '5000' }, "the option port takes a whole number from 0 to 65535, not '5000' (a string)"],
    [{ protocol: 'v2', port: 1.5 }, 'the option port takes'],
    [{ protocol: 'v2', port: 65536 }, 'the option port takes'],
    [
      { protocol: 'v2', port: 1, host: 7 },
      "the option host takes a host name or IP address such as '127.0.0.1', not 7",
    ],
    [
      { protocol: 'v2', port: 1, host: 'a\0b' },
      "the option host takes a host name or IP address such as '127.0.0.1', not 'a\\x00b'",
    ],
    [{ protocol: 'v2', port: 1, encoding: 'utf-8' }, 'there is no option encoding'],
    [
      { protocol: 'v1', port: 1, encoding: 'utf8' },
      "the option encoding takes 'ascii' or 'latin1' or 'utf-8', not 'utf8'",
    ],
    [{ protocol: 'v1', port: 1, probeTimeoutMs: 5 }, 'there is no option probeTimeoutMs'],
    [
      { protocol: 'v2', port: 1, maxMesageBytes: 5 },
      'there is no option maxMesageBytes: did you mean maxMessageBytes?',
    ],
    [
      { protocol: 'v2', port: 1, sendQueue: 5 },
      'the option sendQueue takes an object with names from maxMessages, maxBytes, whenFull, not 5',
    ],
    [
      { protocol: 'v2', port: 1, sendQueue: { maxMessage: 5 } },
      'there is no option sendQueue.maxMessage: did you mean sendQueue.maxMessages?',
    ],
    [{ protocol: 'v2', port: 1, sendQueue: { whenFull: 'wait' } }, "the option sendQueue.whenFull takes 'block' or"],
    [{ protocol: 'v2', port: 1, maxConnections: 5 }, 'there is no option maxConnections'],
  ])('%j are refused by name', async (options, message) => {
    const attempt = connect(options as ConnectOptions);
    await expect(attempt).rejects.toMatchObject({
      code: 'ERR_SERPY_OPTION',
      message: expect.stringContaining(message),
    });
  });

  test('of clients are refused by listen', async () => {
    await expect(listen({ protocol: 'v2', port: 0, autoRestart: true } as never)).rejects.toThrow(
      'there is no option autoRestart',
    );
  });
});

describe('a configuration file', () => {
  test('gives the options that it holds', () => {
    const path = configFile(
      '{ "protocol": "v1", "port": 5000, "encoding": "latin1", "reconnect": { "maxAttempts": 3 } }',
    );
    expect(loadConfig(path, { env: {} })).toEqual({
      protocol: 'v1',
      port: 5000,
      encoding: 'latin1',
      reconnect: { maxAttempts: 3 },
    });
  });

  test('connects and listens', async () => {
    const server = await listen(loadConfig(configFile('{ "protocol": "v2", "port": 0 }'), { env: {} }));
    const { port } = server.address as { port: number };
    const connection = await connect(
      loadConfig(configFile(`\uFEFF{ "protocol": "v2", "port": ${port} }`), { env: {} }),
    );
    await connection.sendData('configured');
    expect((await (await server.getConnection()).getMessage()).text()).toBe('configured');
    await connection.close();
    await server.closeServer();
  });

  test('serves both ends: each takes the options that are its own', async () => {
    const path = configFile('{ "protocol": "v2", "port": 0, "autoRestart": true, "maxConnections": 3 }');
    const server = await listen(loadConfig(path, { env: {} }));
    const connection = await connect(loadConfig(path, { env: { SERPY_PORT: String(server.address.port) } }));
    await connection.close();
    await server.closeServer();
    const options = { protocol: 'v2', port: 0, autoRestart: true };
    await expect(listen(options as never)).rejects.toThrow('there is no option autoRestart');
  });

  test('and variables may not contradict each other', () => {
    const path = configFile('{ "protocol": "v2", "port": 5000, "receiveQueue": { "maxBytes": 1000 } }');
    const attempt = () => loadConfig(path, { env: { SERPY_KEEP: 'latest', SERPY_WHEN_OFFLINE: 'drop' } });
    expect(attempt).toThrow("keep: 'latest' and receiveQueue.maxBytes contradict each other");
  });

  test('is overridden by the environment, option by option', () => {
    const path = configFile('{ "protocol": "v1", "port": 5000, "sendQueue": { "maxMessages": 1, "maxBytes": 9 } }');
    const env = { SERPY_PORT: '6000', SERPY_AUTO_RESTART: 'true', SERPY_SEND_QUEUE_MAX_MESSAGES: '2', PATH: '/bin' };
    expect(loadConfig(path, { env })).toEqual({
      protocol: 'v1',
      port: 6000,
      autoRestart: true,
      sendQueue: { maxMessages: 2, maxBytes: 9 },
    });
    expect(loadConfig(path, { env: { SERPY_URL: 'serpy2://camera:7000' } })).toMatchObject({
      protocol: 'v2',
      host: 'camera',
      port: 7000,
    });
  });

  test.each<[string, string]>([
    ['{ "protocol": "v2", "port": "5000" }', 'the option port takes a whole number'],
    ['{ "protocol": "v2", "prt": 5000 }', 'did you mean port?'],
    ['{ "protocol": "v2", ', 'is not JSON'],
    ['[]', 'must hold an object'],
    [
      '{ "protocol": "v2", "keep": "latest", "receiveQueue": { "whenFull": "block" } }',
      "keep: 'latest' and receiveQueue.whenFull contradict each other",
    ],
    ['{ "__proto__": { "port": 1 } }', 'there is no option __proto__'],
  ])('%s is refused with a sentence that names file and fault', (content, message) => {
    const path = configFile(content);
    expect(() => loadConfig(path, { env: {} })).toThrow(
      expect.objectContaining({ code: 'ERR_SERPY_OPTION', message: expect.stringContaining(message) }),
    );
    expect(() => loadConfig(path, { env: {} })).toThrow(path);
  });

  test('that is not there is refused by name', () => {
    expect(() => loadConfig(join(folder, 'missing.json'))).toThrow(/missing\.json cannot be read/);
  });
});

test.each(['serpy1', 'serpy2', 'serpy'])('%s: live data by URL, and by variables', async (scheme) => {
  const server = await listen(`${scheme}://127.0.0.1:0?keep=latest`);
  const { port } = server.address;
  const client = await connect(`${scheme}://127.0.0.1:${port}?whenOffline=drop&autoRestart=true`);
  client.on('warning', () => {});
  const settled = once(client, 'reconnecting');
  for (let n = 1; n <= 3; n++) expect(await client.sendData(n)).toBe(true);
  const accepted = await server.getConnection();
  accepted.on('warning', () => {});
  while (accepted.stats().messagesReceived < 3) await new Promise((resolve) => setImmediate(resolve));
  expect((await accepted.getMessage()).number()).toBe(3);
  expect(accepted.stats().droppedReceiving).toBe(2);
  await server.close();
  accepted.destroy();
  await settled;
  expect(await client.sendData(4)).toBe(false);
  expect(client.stats().droppedSending).toBe(1);
  client.destroy();
  const contradiction = `${scheme}://127.0.0.1:1?keep=latest&receiveQueue.whenFull=block`;
  await expect(connect(contradiction)).rejects.toThrow('contradict each other');
  await expect(listen(contradiction)).rejects.toThrow('contradict each other');
  const env = { SERPY_KEEP: 'latest', SERPY_WHEN_OFFLINE: 'drop' };
  expect(environmentOptions(env)).toEqual({ keep: 'latest', whenOffline: 'drop' });
});

test('a variable of the environment that names no option is refused with the nearest', () => {
  expect(() => environmentOptions({ SERPY_PROT: '5' })).toThrow('did you mean SERPY_PORT?');
});

describe('the variables that Kubernetes sets for a service beside the program', () => {
  const of = (prefix: string) => ({
    [`${prefix}SERVICE_HOST`]: '10.0.0.11',
    [`${prefix}SERVICE_PORT`]: '5001',
    [`${prefix}SERVICE_PORT_DATA`]: '5001',
    [`${prefix}PORT`]: 'tcp://10.0.0.11:5001',
    [`${prefix}PORT_5001_TCP`]: 'tcp://10.0.0.11:5001',
    [`${prefix}PORT_5001_TCP_PROTO`]: 'tcp',
    [`${prefix}PORT_5001_TCP_PORT`]: '5001',
    [`${prefix}PORT_5001_TCP_ADDR`]: '10.0.0.11',
    [`${prefix}PORT_5002_UDP`]: 'udp://10.0.0.11:5002',
  });

  test.each([['SERPY_'], ['SERPY_CAMERA_']])('are not options: %s…', (prefix) => {
    expect(environmentOptions(of(prefix))).toEqual({});
    expect(loadConfig(configFile('{ "port": 5003 }'), { env: of(prefix) })).toEqual({ port: 5003 });
  });

  test('hide no option that is set', () => {
    const env = { ...of('SERPY_'), SERPY_PORT: '5003', SERPY_HOST: '10.0.0.12' };
    expect(environmentOptions(env)).toEqual({ port: 5003, host: '10.0.0.12' });
  });

  test('are invalid options without a service', () => {
    expect(() => environmentOptions({ SERPY_PORT_5001_TCP: 'tcp://10.0.0.11:5001' })).toThrow('SERPY_PORT_5001_TCP');
    expect(environmentOptions({ SERPY_PORT: 'tcp://10.0.0.11:5001' })).toEqual({ port: 'tcp://10.0.0.11:5001' });
  });
});

test('the package exports these names and no others', () => {
  expect(Object.keys(facade).sort()).toMatchInlineSnapshot(`
    [
      "connect",
      "decodeNpy",
      "encodeNpy",
      "environmentOptions",
      "float",
      "generateKey",
      "int",
      "isLoopback",
      "isNpy",
      "isSerpyError",
      "json",
      "listen",
      "loadConfig",
      "parseUrl",
      "urlOf",
    ]
  `);
});

test.each(['serpy1', 'serpy2', 'serpy'])('%s: keep by kind in URLs, and by variables', async (scheme) => {
  const server = await listen(`${scheme}://127.0.0.1:0?keep.arrays=latest&keep.text=all`);
  const client = await connect(`${scheme}://127.0.0.1:${server.address.port}`);
  const accepted = await server.getConnection();
  accepted.on('warning', () => {});
  const npy = (n: number) => Buffer.from(`\x93NUMPY${n}`, 'latin1');
  for (const value of ['a', npy(1), 'b', npy(2)]) await client.sendData(value);
  for (const value of ['a', 'b', npy(2).toString('latin1')]) {
    expect(Buffer.from((await accepted.getData()) as Buffer).toString('latin1')).toBe(value);
  }
  await server.closeServer();
  client.destroy();
  expect(environmentOptions({ SERPY_KEEP_ARRAYS: 'latest' })).toEqual({ keep: { arrays: 'latest' } });
  await expect(connect(`${scheme}://127.0.0.1:1?keep.array=latest`)).rejects.toThrow('did you mean keep.arrays');
});
