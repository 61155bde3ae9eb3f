/** Connecting to the target: a host name with several addresses, and a port on which no program listens. */
import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { FaultProxy } from 'serpy-fault-proxy';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { StalledListener } from '../../../core/test/transport/stalled-listener.js';
import { Place, until } from '../peers.js';

/** Overrides for connections to the target's port: the local port, and the addresses of the host name; `asked` counts them. */
const system = vi.hoisted(() => ({ port: 0, localPort: undefined as number | undefined, addresses: [''], asked: 0 }));

vi.mock('node:net', async (original) => {
  const net = await original<typeof import('node:net')>();
  const connect = (options: { port: number }) => {
    if (options.port !== system.port) return net.connect(options);
    system.asked++;
    const { localPort } = system;
    return net.connect({ lookup, ...options, ...(localPort === undefined ? {} : { localPort }) });
  };
  return { ...net, connect };
});

vi.mock('node:dns', async (original) => ({ ...(await original<typeof import('node:dns')>()), lookup }));

function lookup(_: string, __: object, found: (error: null, addresses: LookupAddress[]) => void): void {
  found(
    null,
    system.addresses.map((address) => ({ address, family: 4 })),
  );
}

let place: Place;

beforeEach(() => {
  Object.assign(system, { port: 0, localPort: undefined, addresses: ['127.0.0.1'], asked: 0 });
  place = new Place();
});

afterEach(() => place.clear());

/** The end of the next link of a proxy. */
async function nextEnd(proxy: FaultProxy) {
  const [, end] = await once(proxy, 'linkClose');
  return end as { reason: string; error?: NodeJS.ErrnoException };
}

describe.skipIf(process.platform !== 'linux')('the proxy', () => {
  test('treats a socket that is connected to itself as a refused connection', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    Object.assign(system, { port, localPort: port });
    const proxy = await place.proxy({ target: { port } });
    const ended = nextEnd(proxy);
    const client = await place.connect(proxy.address);
    expect(await ended).toMatchObject({ reason: 'unreachable', error: { code: 'ECONNREFUSED' } });
    await until(() => client.events.includes('close'));
  });

  test('reaches a target whose first address is slow and whose second refuses', async () => {
    const slow = await StalledListener.start('127.0.0.2');
    Object.assign(system, { port: slow.port, addresses: ['127.0.0.2', '127.0.0.3'] });
    const proxy = await place.proxy({ target: { host: 'slow.test', port: slow.port } });
    const opened = once(proxy, 'linkOpen');
    await place.connect(proxy.address);
    const [link] = await opened;
    await until(() => system.asked === 2 || link.end !== undefined);
    slow.letGo();
    await until(() => link.isConnected || link.end !== undefined);
    expect(link.end).toBeUndefined();
    await proxy.close();
    await slow.close();
  });

  test('cancels its connection attempt when it is closed', async () => {
    const dead = await StalledListener.start('127.0.0.2');
    Object.assign(system, { port: dead.port, addresses: ['127.0.0.2'] });
    const proxy = await place.proxy({ target: { host: 'dead.test', port: dead.port } });
    const client = await place.connect(proxy.address);
    await until(() => system.asked === 1);
    await proxy.close();
    await until(() => client.events.length > 0);
    await dead.close();
  });
});
