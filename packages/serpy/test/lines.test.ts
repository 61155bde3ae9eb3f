/** Lines of text from the package `serpy`: by option, URL, environment variable and file, with the messages of every protocol. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import {
  type Connection,
  connect,
  environmentOptions,
  float,
  generateKey,
  int,
  type LineValue,
  listen,
  type PortableConnection,
  parseUrl,
  urlOf,
} from 'serpy';
import { waitFor } from 'serpy-contract-tests/stage';
import { afterEach, describe, expect, expectTypeOf, test } from 'vitest';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A server and a client that speak lines. */
async function pair(options: { terminator?: string; encoding?: 'utf-8' | 'ascii' | 'latin1' } = {}) {
  const server = await listen({ protocol: 'lines', port: 0, ...options });
  const client = await connect({ protocol: 'lines', port: server.address.port, ...options });
  ends.push(() => server.closeServer());
  ends.push(() => client.destroy());
  return [client, await server.getConnection()] as const;
}

/** An instrument of another maker: answers each received chunk with these bytes, and keeps what it received. */
async function instrument(answer: string) {
  const received: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received.push(chunk);
      socket.write(answer, 'latin1');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  return { port: (server.address() as { port: number }).port, received };
}

describe('a URL', () => {
  test.each([
    ['lines://h:5025', {}],
    ['lines+tls://h:5025', { tls: {} }],
    ['lines://h:5025?terminator=%0D%0A&encoding=latin1', { terminator: '\r\n', encoding: 'latin1' }],
    ['lines://h:5025?terminator=\\r\\n', { terminator: '\r\n' }],
    ['lines://h:5025?encoding=ascii&terminator=\r\n', { encoding: 'ascii', terminator: '\r\n' }],
    ['lines://h:5025?encoding=ascii\n', { encoding: 'ascii' }],
    ['lines://h:5025?terminator=\\t', { terminator: '\t' }],
    ['lines://h:5025?terminator=\\\\n', { terminator: '\\n' }],
    ['lines://h:5025?terminator=5', { terminator: '5' }],
  ])('%s is for lines', (url, options) => {
    expect(parseUrl(url)).toEqual({ protocol: 'lines', host: 'h', port: 5025, ...options });
  });

  test('is written for an address', () => {
    expect(urlOf('lines', { host: '::1', port: 5025 }, true)).toBe('lines+tls://[::1]:5025');
  });

  test('asks an instrument for its identity', async () => {
    const { port, received } = await instrument('ACME,20 \xb5s\r');
    const client = await connect(`lines://127.0.0.1:${port}?terminator=\\r&encoding=latin1`);
    await client.sendData('*IDN?');
    expect(await client.getData({ timeoutMs: 5000 })).toBe('ACME,20 µs');
    expect(Buffer.concat(received).toString()).toBe('*IDN?\r');
    await client.close();
  });
});

test('environment variables set lines, and an empty terminator is refused', async () => {
  const options = environmentOptions({ SERPY_PROTOCOL: 'lines', SERPY_PORT: '5025', SERPY_TERMINATOR: '\\r\\n' });
  expect(options).toEqual({ protocol: 'lines', port: 5025, terminator: '\r\n' });
  await expect(connect('lines://127.0.0.1:5025?terminator=')).rejects.toMatchObject({
    code: 'ERR_SERPY_OPTION',
    message: expect.stringContaining('terminator takes a string of 1 to 8 bytes'),
  });
});

describe('an option that lines do not have', () => {
  test.each([
    [{ session: 'prefer' }, "the option session takes 'off', not 'prefer': lines have no sessions"],
    [{ heartbeatIntervalMs: 5 }, 'there is no option heartbeatIntervalMs'],
    [{ resumeWindowMs: 5 }, 'there is no option resumeWindowMs'],
    [{ encoding: 'utf-16' }, "the option encoding takes 'utf-8' or 'ascii' or 'latin1', not 'utf-16'"],
    [{ terminator: 7 }, 'the option terminator takes a string of 1 to 8 bytes'],
  ])('is refused by connect and listen: %j', async (options, message) => {
    const refusal = { code: 'ERR_SERPY_OPTION', message: expect.stringContaining(message) };
    await expect(connect({ protocol: 'lines', port: 1, ...options } as never)).rejects.toMatchObject(refusal);
    await expect(listen({ protocol: 'lines', port: 0, ...options } as never)).rejects.toMatchObject(refusal);
  });

  test('is refused by sendData and sendStream', async () => {
    const [client] = await pair();
    for (const options of [{ acknowledge: 'received' }, { mode: 1 }]) {
      await expect(client.sendData('x', options as never)).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION' });
    }
    await expect(client.sendStream([Buffer.from('x')])).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION' });
  });

  test('and a terminator is an option of lines only', async () => {
    await expect(connect({ protocol: 'v2', port: 1, terminator: '\r' } as never)).rejects.toThrow(
      'there is no option terminator',
    );
  });
});

describe('a message', () => {
  const rows: [LineValue, { text: string; number?: number | bigint }][] = [
    ['*IDN?', { text: '*IDN?' }],
    ['', { text: '' }],
    ['µ', { text: 'µ' }],
    ['+1.042E+03', { text: '+1.042E+03', number: 1042 }],
    [42, { text: '42', number: 42 }],
    [0.1, { text: '0.1', number: 0.1 }],
    [2n ** 62n, { text: '4611686018427387904', number: 2n ** 62n }],
    [int(7), { text: '7', number: 7 }],
    [float(7), { text: '7.0', number: 7 }],
  ];

  test.each(rows)('of %o has text(), bytes() and number()', async (value, { text, number }) => {
    const [client, accepted] = await pair();
    await client.sendData(value);
    const message = await accepted.getMessage();
    expect(message).toMatchObject({ type: 'text', value: text, protocol: 'lines' });
    expect([message.text(), message.bytes().toString()]).toEqual([text, text]);
    if (number !== undefined) expect(message.number()).toBe(number);
    else expect(() => message.number()).toThrow(expect.objectContaining({ code: 'ERR_SERPY_VALUE' }));
  });

  test('has its bytes in the encoding of the connection', async () => {
    const [client, accepted] = await pair({ encoding: 'latin1' });
    await client.sendData('20 µs');
    expect((await accepted.getMessage()).bytes()).toEqual(Buffer.from('20 µs', 'latin1'));
  });

  test.each([
    [Buffer.from('x'), 'a line is text, not an object (Buffer)'],
    [{ data: Float64Array.of(1), shape: [1] }, 'a line is text, not an object (Object)'],
    [['x'], 'a line is text, not an array'],
    [null, 'a line is text, not null'],
    [undefined, 'a line is text, not undefined'],
  ])('of %o is refused', async (value, message) => {
    const [client] = await pair();
    await expect(client.sendData(value as never)).rejects.toMatchObject({
      code: 'ERR_SERPY_VALUE',
      message: expect.stringContaining(message),
    });
  });
});

test('the protocol is known from the start, and a function for every protocol accepts the connection', async () => {
  const [client, accepted] = await pair();
  const shout = async (connection: PortableConnection, text: string) => connection.sendData(text.toUpperCase());
  await shout(client, 'read?');
  expect(await accepted.getData()).toBe('READ?');
  expect([client.protocol, client.peerProtocol, client.inSession]).toEqual(['lines', 'lines', false]);
  expectTypeOf(client).toEqualTypeOf<Connection<'lines'>>();
  expectTypeOf<Awaited<ReturnType<typeof client.getData>>>().toEqualTypeOf<string>();
  // @ts-expect-error bytes are not a line
  const bytes: Parameters<typeof client.sendData>[0] = Buffer.from('x');
  expect(bytes).toBeDefined();
});

test('with a key at both ends lines are encrypted', async () => {
  const key = generateKey();
  const server = await listen({ protocol: 'lines', port: 0, key });
  ends.push(() => server.closeServer());
  const client = await connect({ protocol: 'lines', port: server.address.port, key });
  await client.sendData('*IDN?');
  expect(await (await server.getConnection()).getData()).toBe('*IDN?');
  expect(client.encrypted).toBe(true);
  client.destroy();
});

test('a command that is sent while the instrument is away is dropped and reported, and not sent when it is back', async () => {
  const [client, accepted] = await pair();
  const warnings: string[] = [];
  client.on('warning', ({ code }) => warnings.push(code));
  const lost = once(client, 'disconnect');
  accepted.destroy();
  await lost;
  expect(client.state).toBe('reconnecting');
  expect(await client.sendData('OUTP ON')).toBe(false);
  await waitFor(() => warnings.includes('ERR_SERPY_DROPPED'));
  expect(client.stats()).toMatchObject({ sendQueueMessages: 0, droppedSending: 1 });
});
