/** The security of a server: the decisions before a socket is opened. */
import { Connection, connectionOptions, generateKey, parseOptions, Server, SharedKey } from 'serpy-core';
import { MemoryNetwork } from 'serpy-core/testing';
import { describe, expect, test, vi } from 'vitest';
import { securityOf } from '../../src/security/security.js';
import { isLoopback } from '../../src/transport/address.js';
import type { ListenOptions } from '../../src/transport/transport.js';
import { type Lines, lineProtocol, serverSettings } from '../line-protocol.js';

const certificate = { cert: 'PEM', key: 'PEM' };

function serverAt(host: string, options: object = {}) {
  const network = new MemoryNetwork();
  const listening: ListenOptions[] = [];
  const environment = {
    clock: network.clock,
    random: network.random,
    dial: network.dial,
    listen: (given: ListenOptions) => {
      listening.push(given);
      return network.listen(given);
    },
  };
  const settings = serverSettings({ host, port: 5000, keepAliveMs: 0, ...options });
  const connection = () => new Connection<Lines>(lineProtocol(), parseOptions(connectionOptions, {}), environment);
  return { server: new Server<Lines, Connection<Lines>>(settings, connection, environment), listening };
}

describe('the security of a connection', () => {
  test('is undefined, a key, or certificates', () => {
    const key = new SharedKey(Buffer.alloc(32, 1));
    expect(securityOf({})).toBeUndefined();
    expect(securityOf({ tls: false })).toBeUndefined();
    expect(securityOf({ key })).toEqual({ kind: 'key', key });
    expect(securityOf({ tls: true })).toEqual({ kind: 'certificates', tls: {} });
    expect(securityOf({ tls: certificate })).toEqual({ kind: 'certificates', tls: certificate });
  });

  test('is the key if tls adds no certificates, as with +tls in a URL and a key in the environment', () => {
    const key = new SharedKey(Buffer.alloc(32, 1));
    for (const tls of [true, false, {}]) expect(securityOf({ key, tls })).toEqual({ kind: 'key', key });
  });

  test('is never a key and certificates together', () => {
    const both = { key: generateKey(), tls: certificate };
    const refused = expect.objectContaining({
      code: 'ERR_SERPY_OPTION',
      message: expect.stringContaining('the options key and tls (cert, key) exclude each other'),
    });
    expect(() => securityOf(both)).toThrow(refused);
    expect(() => serverAt('127.0.0.1', both)).toThrow(refused);
    const settings = parseOptions(connectionOptions, both);
    expect(() => new Connection<Lines>(lineProtocol(), settings)).toThrow(refused);
  });

  test('is not TLS without a certificate, at a server', () => {
    for (const tls of [true, {}, { ca: 'PEM' }]) {
      expect(() => serverAt('127.0.0.1', { tls })).toThrow(/a server with TLS needs a certificate.*generateKey\(\)/);
    }
  });

  test('has only options of node:tls, and none that a transport sets', () => {
    const parse = (tls: unknown) => parseOptions(connectionOptions, { tls } as object);
    expect(() => parse({ rejectUnauthorised: false })).toThrow('did you mean tls.rejectUnauthorized?');
    for (const name of ['pskCallback', 'host', 'session', 'ticketKeys', 'socket']) {
      expect(() => parse({ [name]: 1 })).toThrow(`there is no option tls.${name}`);
    }
    for (const tls of ['yes', 5, null, []]) expect(() => parse(tls)).toThrow(/^the option tls takes true, false, or/);
  });
});

describe('a server', () => {
  test.each(['127.0.0.1', '127.0.1.1', '127.255.255.254', '::1', 'localhost', 'LOCALHOST', '::ffff:127.0.0.1'])(
    'that listens on %s is reached by this computer only',
    async (host) => {
      expect(isLoopback(host)).toBe(true);
      const { server } = serverAt(host);
      await server.start();
      await server.close();
    },
  );

  test.each([
    '0.0.0.0',
    '::',
    '10.0.0.5',
    '192.168.1.20',
    'lab',
    '128.0.0.1',
    '127.0.0.1.example.org',
    '::2',
    'localhost.example.org',
  ])('that would listen unprotected on %s does not start, and the error names the solutions', async (host) => {
    const { server, listening } = serverAt(host);
    await expect(server.start()).rejects.toMatchObject({ code: 'ERR_SERPY_INSECURE', name: 'InsecureError' });
    await expect(server.start()).rejects.toThrow(
      new RegExp(
        `^the server was not started: on ${host} everybody .*key: generateKey\\(\\).*tls: \\{ cert, key \\}.* 127\\.0\\.0\\.1 .* insecure: true$`,
      ),
    );
    expect(listening).toEqual([]);
    expect(server.address).toBeUndefined();
  });

  test('with a key or a certificate listens on any address without a warning, and passes its security to the listener', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    for (const protection of [{ key: generateKey() }, { tls: certificate }]) {
      const { server, listening } = serverAt('0.0.0.0', protection);
      await server.start();
      expect(listening[0]?.security?.kind).toBe('key' in protection ? 'key' : 'certificates');
      expect(listening[0]?.gate).toBeDefined();
      await server.close();
    }
    expect(warned).not.toHaveBeenCalled();
    warned.mockRestore();
  });

  test('with insecure: true starts unprotected and warns once', async () => {
    const { server } = serverAt('0.0.0.0', { insecure: true });
    const warnings: Error[] = [];
    server.on('warning', (error) => warnings.push(error));
    await server.start();
    expect(warnings).toMatchObject([
      {
        code: 'ERR_SERPY_INSECURE',
        message: expect.stringContaining('everybody in the network can connect, read and send'),
      },
    ]);
    await server.close();
  });

  test('with insecure: true emits a process warning if there is no listener', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { server } = serverAt('0.0.0.0', { insecure: true });
    await server.start();
    expect(warned.mock.calls).toMatchObject([[{ code: 'ERR_SERPY_INSECURE' }]]);
    warned.mockRestore();
    await server.close();
  });

  test('with insecure: true on this computer only does not warn', async () => {
    const { server } = serverAt('127.0.0.1', { insecure: true });
    const warnings: Error[] = [];
    server.on('warning', (error) => warnings.push(error));
    await server.start();
    expect(warnings).toEqual([]);
    await server.close();
  });

  test('without security has no handshake limiter', async () => {
    const { server, listening } = serverAt('127.0.0.1');
    await server.start();
    expect(listening[0]).not.toHaveProperty('gate');
    await server.close();
  });
});
