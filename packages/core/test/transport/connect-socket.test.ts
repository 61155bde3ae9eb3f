import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { waitFor } from 'serpy-contract-tests/stage';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { securityOf } from '../../src/security/security.js';
import { generateKey } from '../../src/security/shared-key.js';
import { systemEnvironment } from '../../src/system-environment.js';
import type { Transport } from '../../src/transport/transport.js';
import { StalledListener } from './stalled-listener.js';

/** The simulated system: the local port of a connecting socket, and the addresses of a name. */
const system = vi.hoisted(() => ({ localPort: undefined as number | undefined, addresses: [] as string[], asked: 0 }));

vi.mock('node:net', async (original) => {
  const net = await original<typeof import('node:net')>();
  return { ...net, connect: (options: object) => net.connect(asMade(options) as never) };
});

vi.mock('node:tls', async (original) => {
  const tls = await original<typeof import('node:tls')>();
  return { ...tls, connect: (options: object) => tls.connect(asMade(options)) };
});

vi.mock('node:dns', async (original) => ({ ...(await original<typeof import('node:dns')>()), lookup }));

function asMade(options: object) {
  system.asked++;
  return { lookup, ...options, ...(system.localPort === undefined ? {} : { localPort: system.localPort }) };
}

function lookup(_: string, __: object, callback: (error: null, found: LookupAddress[]) => void): void {
  callback(
    null,
    system.addresses.map((address) => ({ address, family: 4 })),
  );
}

const security = securityOf({ key: generateKey() });
const protections = [
  ['TCP', undefined],
  ['TLS', security],
] as const;
const signal = new AbortController().signal;
const closing: { close(): unknown }[] = [];
const opened: Transport[] = [];

beforeEach(() => {
  Object.assign(system, { localPort: undefined, addresses: ['127.0.0.1'], asked: 0 });
});

afterEach(async () => {
  for (const each of opened.splice(0)) each.destroy();
  for (const each of closing.splice(0)) await each.close();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function connectTo(host: string, port: number, protection: typeof security): Promise<Transport> {
  const transport = await systemEnvironment.dial({ host, port, keepAliveMs: 0, signal, security: protection });
  opened.push(transport);
  return transport;
}

describe.skipIf(process.platform !== 'linux')('a socket that is connected to itself', () => {
  test.each(protections)('fails, and leaves the port free: %s', async (_, protection) => {
    const port = await freePort();
    system.localPort = port;
    await expect(connectTo('127.0.0.1', port, protection)).rejects.toMatchObject({
      code: 'ERR_SERPY_CONNECT',
      message: expect.stringContaining('nothing listens there'),
      cause: { code: 'ECONNREFUSED' },
    });
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    // Another program may have taken the port meanwhile, but not for a connection to itself.
    expect(readFileSync('/proc/net/tcp', 'utf8')).not.toContain(`0100007F:${hex} 0100007F:${hex}`);
  });
});

describe.skipIf(process.platform !== 'linux')('a name with two addresses', () => {
  async function stalled(host: string, port = 0, onward?: number): Promise<StalledListener> {
    const listener = await StalledListener.start(host, port, onward);
    closing.push(listener);
    return listener;
  }

  /** A serpy server behind the stalled listener. */
  async function server(protection: typeof security): Promise<number> {
    const { address, close } = await systemEnvironment.listen({
      host: '127.0.0.1',
      port: 0,
      keepAliveMs: 0,
      security: protection,
      gate: { enter: () => ({ failsOften: false, started() {}, succeeded() {}, failed() {}, closed() {} }) },
      accept: (transport) => opened.push(transport),
      failed: () => {},
    });
    closing.push({ close });
    return address.port;
  }

  test.each(protections)('waits for its first address if the second refuses: %s', async (_, protection) => {
    const slow = await stalled('127.0.0.2', 0, await server(protection));
    system.addresses = ['127.0.0.2', '127.0.0.3'];
    const connecting = connectTo('slow.test', slow.port, protection);
    await Promise.race([waitFor(() => system.asked === 2), connecting]);
    slow.letGo();
    expect((await connecting).remote.host).toBe('127.0.0.2');
  });

  test('waits for its second address if the first never answers', async () => {
    const dead = await stalled('127.0.0.2');
    const slow = await stalled('127.0.0.3', dead.port);
    system.addresses = ['127.0.0.2', '127.0.0.3'];
    const connecting = connectTo('slow.test', slow.port, undefined);
    await Promise.race([waitFor(() => system.asked === 2), connecting]);
    slow.letGo();
    expect((await connecting).remote.host).toBe('127.0.0.3');
  });

  test('tries its second address at once if the first refuses', async () => {
    const onward = await server(undefined);
    system.addresses = ['127.0.0.2', '127.0.0.1'];
    expect((await connectTo('two.test', onward, undefined)).remote.host).toBe('127.0.0.1');
  });

  test('leaves no attempt behind after the timeout', async () => {
    const dead = await stalled('127.0.0.2');
    await stalled('127.0.0.3', dead.port);
    system.addresses = ['127.0.0.2', '127.0.0.3'];
    const controller = new AbortController();
    const connecting = systemEnvironment.dial({
      host: 'dead.test',
      port: dead.port,
      keepAliveMs: 0,
      signal: controller.signal,
    });
    const failed = expect(connecting).rejects.toThrow('enough');
    await waitFor(() => system.asked === 2);
    controller.abort(new Error('enough'));
    await failed;
  });

  test('reports both failures', async () => {
    system.addresses = ['127.0.0.2', '127.0.0.3'];
    const port = await freePort();
    await expect(connectTo('two.test', port, undefined)).rejects.toMatchObject({
      code: 'ERR_SERPY_CONNECT',
      message: expect.stringContaining('nothing listens there'),
      cause: { errors: [{ address: '127.0.0.2' }, { address: '127.0.0.3' }] },
    });
  });
});
