/** The checks of a peer, each where all is well and where something is not. */
import { once } from 'node:events';
import { createServer as createWebServer } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { connect, generateKey, type ListenOptions, listen, type PortableConnection } from 'serpy';
import { MemoryNetwork } from 'serpy-core/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { sentTo, type Target } from '../../src/doctor/checks/peer.js';
import { peerChecks } from '../../src/doctor/peer-checks.js';
import { inspect, peerContext, refusal } from './host-info.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A server of ours that does something with each connection. */
async function serving(options: Partial<ListenOptions>, serve: (connection: PortableConnection) => void = () => {}) {
  const server = await listen({ protocol: 'auto', port: 0, ...options } as ListenOptions);
  server.on('warning', () => {});
  server.on('connection', (connection) => {
    connection.on('warning', () => {});
    serve(connection);
  });
  ends.push(() => server.closeServer());
  return server.address.port;
}

/** A server that is no serpy. */
async function socketServer(serve: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    ends.push(() => socket.destroy());
    serve(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  return (server.address() as { port: number }).port;
}

async function echo(connection: PortableConnection) {
  for await (const message of connection.messages()) await connection.sendData(message.bytes()).catch(() => {});
}

/** What the doctor says of a port of this computer. */
function examined(port: number, target: Partial<Target> = {}, options: object = {}) {
  const connectOptions = {
    protocol: 'auto',
    host: '127.0.0.1',
    port,
    probeTimeoutMs: 300,
    sessionTimeoutMs: 100,
    closeTimeoutMs: 100,
    ...options,
  };
  return inspect(peerChecks, peerContext({ port, options: connectOptions as Target['options'], ...target }));
}

/** The status of each check. */
function statuses(results: Awaited<ReturnType<typeof examined>>) {
  return Object.fromEntries(Object.entries(results).map(([name, { status }]) => [name, status]));
}

const withoutConnection = { key: 'skip', session: 'skip', agreed: 'skip', 'round trip': 'skip', throughput: 'skip' };

describe('a peer that is well', () => {
  test.each([
    ['v1', 'v1 has no sessions'],
    ['v2', 'both ends have a session'],
    ['auto', 'both ends have a session'],
  ] as const)('%s: everything is measured over one connection', async (protocol, session) => {
    let connections = 0;
    const port = await serving({ protocol }, (connection) => {
      connections++;
      void echo(connection);
    });
    const results = await examined(port);
    expect(statuses(results)).toEqual({
      address: 'skip',
      reachable: 'ok',
      protocol: 'ok',
      key: 'ok',
      session: 'ok',
      agreed: 'ok',
      'round trip': results['round trip']?.status, // a busy computer may be slow
      throughput: results.throughput?.status,
    });
    expect(results.protocol?.message).toBe(`the peer speaks ${protocol === 'v1' ? 'v1' : 'v2'}`);
    expect(results.session?.message).toContain(session);
    expect(results.agreed?.message).toMatch(/^v[12], (no )?session, not encrypted, .*; sendData resolves when/);
    expect(results['round trip']?.message).toMatch(/^[\d.]+ [µm]s there and back \(median of \d+; at most .*\)$/);
    expect(results.throughput?.message).toMatch(/^[\d.,]+ MB\/s in messages of 64 KiB, there and back/);
    expect(results.throughput?.figures?.megabytesPerSecond).toBeGreaterThan(0);
    expect(connections).toBe(1);
  });

  test('an instrument with lines of text: it gets *IDN? and nothing else', async () => {
    const asked: string[] = [];
    const server = await listen({ protocol: 'lines', port: 0 });
    ends.push(() => server.closeServer());
    server.on('connection', async (connection) => {
      for await (const line of connection) {
        asked.push(line);
        await connection.sendData('ACME,\u001b[2J,42');
      }
    });
    const target = { protocol: 'lines' } as const;
    const { port } = server.address;
    const options = { protocol: 'lines', host: '127.0.0.1', port, closeTimeoutMs: 100 } as const;
    const results = await inspect(peerChecks, peerContext({ port, options, ...target }));
    expect(statuses(results)).toEqual({
      address: 'skip',
      reachable: 'ok',
      protocol: 'ok',
      key: 'ok',
      session: 'ok',
      agreed: 'ok',
      'round trip': 'skip',
      throughput: 'skip',
    });
    expect(results.agreed?.message).toMatch(/^lines, no session, not encrypted, no acknowledgements; /);
    expect(results.protocol?.message).toBe('lines of text; *IDN? is answered by "ACME,\\u001b[2J,42"');
    expect(results.session?.message).toContain('lines have no sessions');
    expect(asked).toEqual(['*IDN?']);
  });

  test('with the key: encrypted, and it has proved that it has the key', async () => {
    const key = generateKey();
    const port = await serving({ key });
    const results = await examined(port, { secured: true, maySend: false }, { key });
    expect(results.key).toMatchObject({
      status: 'ok',
      message: 'encrypted, and the peer is authenticated (serpy server)',
      figures: { encrypted: true },
    });
  });

  test('tells what the peer calls itself', async () => {
    const port = await serving({ name: 'lab 3' });
    const { session } = await examined(port);
    expect(session).toMatchObject({
      message: 'both ends have a session: a broken connection loses no message (the peer calls itself "lab 3")',
      figures: { session: true, name: 'lab 3' },
    });
  });

  test('learns that the end is intended', async () => {
    let accepted: PortableConnection | undefined;
    const port = await serving({}, (connection) => {
      accepted = connection;
    });
    await examined(port, {}, { closeTimeoutMs: 5000 });
    await vi.waitFor(() => expect(accepted?.closeInfo).toMatchObject({ clean: true }), { timeout: 10_000 });
  });

  test('is resolved by name', async () => {
    const port = await serving({});
    const context = peerContext(
      { host: 'localhost', port, maySend: false },
      { lookup: async () => ['127.0.0.1', '192.0.2.7'] },
    );
    expect((await inspect(peerChecks, context)).address).toMatchObject({
      status: 'ok',
      message: 'localhost is 127.0.0.1, 192.0.2.7',
    });
  });
});

describe('a peer that speaks otherwise', () => {
  test.each([
    ['v1', 'v2', 'serpy1'],
    ['v2', 'v1', 'serpy2'],
  ] as const)('speaks %s and was taken for %s', async (protocol, taken, scheme) => {
    const port = await serving({ protocol }, echo);
    const results = await examined(port, { protocol: taken });
    expect(results.protocol).toMatchObject({
      status: 'FAIL',
      message: `the peer speaks ${protocol}, and the URL says ${taken}`,
      advice: `use ${scheme}://127.0.0.1:${port}`,
    });
  });

  test('an SSH server', async () => {
    const port = await socketServer((socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n'));
    const results = await examined(port);
    expect(statuses(results)).toEqual({ address: 'skip', reachable: 'ok', protocol: 'FAIL', ...withoutConnection });
    expect(results.protocol?.message).toBe('the peer does not speak serpy, it looks like an SSH server');
  });

  test('a web server', async () => {
    const server = createWebServer((_request, response) => response.end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    ends.push(() => server.close());
    const results = await examined((server.address() as { port: number }).port);
    expect(results.protocol?.message).toBe('the peer does not speak serpy, it looks like a web server (HTTP)');
  });

  test.each([
    '<!DOCTYPE HTML>\n<html lang="en">\n    <head>\n',
    '<!doctype html PUBLIC "-//W3C//DTD HTML 4.01//EN"\n',
    '<html>\r\n<head><title>400 Bad Request</title></head>\r\n',
  ])('a web server that answers with a bare page: %j', async (page) => {
    const port = await socketServer((socket) => socket.once('data', () => socket.end(page)));
    const results = await examined(port);
    expect(results.protocol?.message).toBe('the peer does not speak serpy, it looks like a web server (HTTP)');
  });

  test('one that disconnects at once', async () => {
    const port = await socketServer((socket) => socket.end());
    const results = await examined(port);
    expect(statuses(results)).toEqual({ address: 'skip', reachable: 'ok', protocol: 'FAIL', ...withoutConnection });
    expect(results.protocol).toMatchObject({
      message: 'the peer closed the connection at once',
      advice: expect.stringContaining(`serpy2://127.0.0.1:${port} or serpy1://127.0.0.1:${port}`),
    });
  });

  test('a server that has as many connections as it takes', async () => {
    let counts = () => {};
    const counted = new Promise<void>((resolve) => {
      counts = resolve;
    });
    const port = await serving({ maxConnections: 1 }, () => counts());
    const other = await connect({ autoRestart: false, protocol: 'v2', port });
    ends.push(() => other.close());
    await counted;
    expect((await examined(port)).protocol?.advice).toContain('full (maxConnections)');
  });

  test('one that says nothing may be a v2 server', async () => {
    const port = await socketServer((socket) => socket.resume());
    const results = await examined(port);
    expect(results.protocol).toMatchObject({ status: 'warn', message: expect.stringContaining('has sent nothing') });
    expect(results.session).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('the peer has no sessions'),
    });
  });
});

describe('a peer that says nothing', () => {
  test('and was taken for v1 is none', async () => {
    const port = await socketServer((socket) => socket.resume());
    const results = await examined(port, { protocol: 'v1' });
    expect(results.protocol).toMatchObject({
      status: 'FAIL',
      message: 'the peer does not answer like a v1 server',
      advice: `for a v2 server use serpy2://127.0.0.1:${port}`,
    });
  });
});

describe('keys', () => {
  test('a peer that wants one, and none was given', async () => {
    const port = await serving({ key: generateKey() });
    const results = await examined(port);
    expect(statuses(results)).toEqual({
      address: 'skip',
      reachable: 'ok',
      protocol: 'skip',
      ...withoutConnection,
      key: 'FAIL',
    });
    expect(results.key).toMatchObject({
      message: 'the peer accepts only encrypted connections',
      advice: expect.stringContaining('--key-file'),
    });
  });

  test('another one than the peer has', async () => {
    const port = await serving({ key: generateKey() });
    const results = await examined(port, { secured: true }, { key: generateKey() });
    expect(results.reachable?.status).toBe('ok');
    expect(results.key).toMatchObject({
      status: 'FAIL',
      message: expect.stringContaining('the server has a different key'),
      advice: expect.stringContaining('same key file'),
    });
  });

  test('one for a peer that has none', async () => {
    const port = await serving({});
    const results = await examined(port, { secured: true }, { key: generateKey() });
    expect(results.key).toMatchObject({ status: 'FAIL', message: expect.stringMatching(/not use TLS/) });
  });

  test.each(['127.0.0.1', '::ffff:127.0.0.1', 'localhost'])('no key on this computer is ok: %s', async (host) => {
    const port = await serving({});
    const results = await examined(port, { host, maySend: false });
    expect(results.key).toMatchObject({ status: 'ok', figures: { encrypted: false } });
  });

  test('no key beyond this computer is a warning', async () => {
    const port = await serving({});
    const results = await examined(port, { host: '192.0.2.7', maySend: false });
    expect(results.key).toMatchObject({ status: 'warn', advice: expect.stringContaining('serpy keygen') });
  });
});

describe('a peer that is no echo', () => {
  test('is left as it is: nothing failed, and it says what to start', async () => {
    const heard: string[] = [];
    const port = await serving({}, async (connection) => {
      for await (const message of connection.messages()) heard.push(message.text());
    });
    const context = peerContext({ port });
    // The answer is waited for in the facade: it is late at once.
    const { clock } = context.hostInfo;
    let calls = 0;
    const hasty = { ...clock, now: () => (calls++ === 0 ? 0 : 1e9) };
    const results = await inspect(peerChecks.slice(-2), {
      ...context,
      hostInfo: { ...context.hostInfo, clock: hasty },
    });
    for (const name of ['round trip', 'throughput']) {
      expect(results[name]).toMatchObject({ status: 'skip', advice: expect.stringContaining('serpy simulate echo') });
    }
    expect(heard.length).toBeLessThanOrEqual(1);
  });

  test('ends the connection when it is sent a text', async () => {
    const port = await serving({ protocol: 'v2' }, async (connection) => {
      await connection.getData();
      connection.destroy();
    });
    const results = await examined(port, {}, { session: 'off' });
    expect(results['round trip']).toMatchObject({
      status: 'FAIL',
      message: expect.stringContaining('closed the connection'),
      advice: expect.stringContaining('--connect-only'),
    });
  });
});

describe('under --connect-only', () => {
  const frame = Buffer.from('decafecafe21140200000500000068656c6c6f', 'hex');

  test.each<[who: string, greeting: Buffer | string | undefined, taken: Target['protocol'], found: object]>([
    ['silent', undefined, 'auto', { status: 'skip', message: expect.stringContaining('its protocol is unknown') }],
    ['v2', frame, 'auto', { status: 'ok', message: 'the peer speaks v2' }],
    ['v1', 'hello\x1f', 'auto', { status: 'ok', message: 'the peer speaks v1' }],
    ['v1, as was said', 'hello\x1f', 'v1', { status: 'ok', message: 'the peer speaks v1' }],
    ['v1, and was taken for v2', 'hello\x1f', 'v2', { status: 'FAIL', advice: expect.stringContaining('serpy1://') }],
    ['v2, and was taken for v1', frame, 'v1', { status: 'FAIL', advice: expect.stringContaining('serpy2://') }],
    ['SSH', 'SSH-2.0-x\r\n', 'auto', { status: 'FAIL', message: expect.stringContaining('an SSH server') }],
    ['lines', '400 counts\n', 'auto', { status: 'FAIL', message: expect.stringContaining('lines of text') }],
  ])(
    'not a byte reaches a peer that is %s, and what it sends by itself is reported',
    async (_, greeting, taken, found) => {
      let heardBytes = 0;
      let hasEnded = false;
      const port = await socketServer((socket) => {
        socket.on('data', (chunk: Buffer) => {
          heardBytes += chunk.length;
        });
        socket.on('close', () => {
          hasEnded = true;
        });
        socket.on('end', () => socket.end());
        if (greeting !== undefined) socket.write(greeting);
      });
      const results = await examined(port, { protocol: taken, maySend: false });
      expect(results.protocol).toMatchObject(found);
      for (const name of ['round trip', 'throughput']) expect(results[name]?.status).toBe('skip');
      await vi.waitFor(() => expect(hasEnded).toBe(true), { timeout: 5000 });
      expect(heardBytes).toBe(0);
    },
  );

  test('with a key only the TLS handshake is sent, and the result says so', async () => {
    const key = generateKey();
    let received = 0;
    const port = await serving({ key }, (connection) => {
      received += connection.stats().bytesReceived;
      connection.on('close', () => {
        received += connection.stats().bytesReceived;
      });
    });
    const target = { secured: true, maySend: false };
    const results = await examined(port, target, { key });
    expect([results.key?.status, received]).toEqual(['ok', 0]);
    expect(results.session).toEqual({
      status: 'skip',
      message: 'only the TLS handshake was sent (--connect-only)',
    });
    expect(sentTo({ ...target } as Target)).toBe('the TLS handshake');
  });
});

describe('figures of a peer', () => {
  /** An echo, and a clock that advances by `stepMs` with each look. */
  async function measuredBy(stepMs: number) {
    const port = await serving({ protocol: 'v2' }, (connection) => void echo(connection));
    const context = peerContext({ port });
    let nowMs = 0;
    const now = () => {
      nowMs += stepMs;
      return nowMs;
    };
    const { hostInfo } = context;
    return inspect(peerChecks.slice(-2), {
      ...context,
      hostInfo: { ...hostInfo, clock: { ...hostInfo.clock, now } },
    });
  }

  test('a fast one is ok', async () => {
    expect(await measuredBy(1)).toMatchObject({ 'round trip': { status: 'ok' }, throughput: { status: 'ok' } });
  });

  test('a slow one is a warning', async () => {
    const results = await measuredBy(300);
    expect(results['round trip']).toMatchObject({ status: 'warn', advice: expect.stringContaining('WLAN') });
  });
});

describe('a peer that cannot be reached', () => {
  /** What the doctor says where the system says this. */
  async function refused(code: string | undefined, target: Partial<Target> = {}, message = `cannot connect (${code})`) {
    const context = peerContext(target, { connect: () => Promise.reject(refusal('ERR_SERPY_CONNECT', message, code)) });
    return inspect(peerChecks, context);
  }

  test.each([
    ['ECONNREFUSED', {}, 'no program listens on its port 5001', 'serpy listen --port 5001'],
    ['ECONNREFUSED', { host: '192.0.2.7' }, 'no program listens on its port 5001', 'let it listen on 0.0.0.0'],
    ['ENOTFOUND', { host: '192.0.2.7' }, 'is unknown', 'spelling'],
    ['EAI_AGAIN', { host: '192.0.2.7' }, 'cannot be resolved now', 'IP address'],
    ['EHOSTUNREACH', { host: '192.0.2.7' }, 'there is no route to 192.0.2.7', 'cable'],
    ['ENETUNREACH', { host: '192.0.2.7' }, 'there is no route to 192.0.2.7', 'cable'],
    ['EHOSTDOWN', { host: '192.0.2.7' }, 'there is no route to 192.0.2.7', 'cable'],
    ['ETIMEDOUT', { host: '192.0.2.7' }, '192.0.2.7:5001 does not answer', 'Windows Defender Firewall'],
    ['EACCES', { host: '192.0.2.7' }, 'does not allow a connection', 'firewall'],
    ['EPERM', { host: '192.0.2.7' }, 'does not allow a connection', 'firewall'],
    ['EADDRNOTAVAIL', { host: '0.0.0.0' }, 'no program can connect to the address', '0.0.0.0 is for listening'],
    ['EIO', { host: '192.0.2.7' }, 'cannot reach', 'ping 192.0.2.7'],
  ])('%s at %j', async (code, target, message, advice) => {
    const results = await refused(code, target);
    expect(results.reachable).toMatchObject({
      status: 'FAIL',
      message: expect.stringContaining(message),
      advice: expect.stringContaining(advice),
    });
    expect(statuses(results)).toEqual({ address: 'skip', reachable: 'FAIL', protocol: 'skip', ...withoutConnection });
  });

  test('does not answer within the time of the facade', async () => {
    const context = peerContext(
      { host: '192.0.2.7' },
      {
        connect: () => {
          const network = new MemoryNetwork();
          network.clock.runFreely();
          ends.push(() => network.clock.stop());
          network.silence(5001);
          return connect({ autoRestart: false, protocol: 'auto', host: '192.0.2.7', port: 5001 }, {}, network);
        },
      },
    );
    const { reachable } = await inspect(peerChecks, context);
    expect(reachable).toMatchObject({ status: 'FAIL', message: '192.0.2.7:5001 does not answer' });
  });

  test('has an unknown name, which is reported once', async () => {
    const lookup = () => Promise.reject(new Error('getaddrinfo ENOTFOUND gauss'));
    const context = peerContext(
      { host: 'gauss' },
      { lookup, connect: () => Promise.reject(refusal('ERR_SERPY_CONNECT', 'cannot connect', 'ENOTFOUND')) },
    );
    const results = await inspect(peerChecks, context);
    expect(statuses(results)).toEqual({ address: 'FAIL', reachable: 'skip', protocol: 'skip', ...withoutConnection });
    expect(results.address).toMatchObject({
      message: expect.stringContaining('the name gauss is unknown'),
      advice: expect.stringContaining('ipconfig'),
    });
  });
});
