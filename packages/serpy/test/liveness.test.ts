/** The package serpy passes on the timeouts of a peer that does not answer. */
import { connect, listen } from 'serpy';
import { MemoryNetwork } from 'serpy-core/testing';
import { describe, expect, onTestFinished, test } from 'vitest';

const port = 5000;
const heartbeatIntervalMs = 1000;

async function serve(network: MemoryNetwork, protocol: 'v1' | 'auto', options: { heartbeatIntervalMs?: number } = {}) {
  const server = await listen({ protocol, port, ...options } as { protocol: 'v1'; port: number }, network);
  onTestFinished(async () => {
    for (const each of server) each.destroy();
    await server.close();
    await network.settled();
    expect(network.clock.pending).toBe(0);
  });
  return server;
}

describe.each(['v1', 'auto'] as const)('protocol %s', (protocol) => {
  const connectTo = async (network: MemoryNetwork, options: object = {}) => {
    const client = await connect({ protocol, port, ...options } as { protocol: 'auto'; port: number }, {}, network);
    onTestFinished(() => client.destroy());
    return client;
  };

  test('a client with heartbeatIntervalMs keeps a v1 server alive, and finds out when it falls silent', async () => {
    const network = new MemoryNetwork();
    await serve(network, 'v1');
    const client = await connectTo(network, { heartbeatIntervalMs });
    const ends: string[] = [];
    client.on('disconnect', ({ reason }) => ends.push(`${network.clock.now()}: ${reason}`));
    client.on('warning', () => {});
    await network.clock.advance(10 * heartbeatIntervalMs);
    expect([client.isConnected(), client.stats().bytesReceived >= 90]).toEqual([true, true]);
    network.links[0]?.stall();
    await network.clock.advance(3 * heartbeatIntervalMs);
    expect(ends).toEqual(['13000: timeout']);
  });

  test('a server with heartbeatIntervalMs finds out when a v1 client falls silent', async () => {
    const network = new MemoryNetwork();
    const server = await serve(network, protocol, { heartbeatIntervalMs });
    const client = await connect({ protocol: 'v1', port }, {}, network);
    onTestFinished(() => client.destroy());
    await client.sendData('hello');
    const accepted = await server.getConnection();
    accepted.on('warning', () => {});
    await network.clock.advance(10 * heartbeatIntervalMs);
    expect(accepted.isConnected()).toBe(true);
    network.links[0]?.stall();
    await network.clock.advance(3 * heartbeatIntervalMs);
    expect(accepted.closeInfo).toMatchObject({ reason: 'timeout' });
  });
});

test('a v1 client does not wait for ever for the first answer, and says which option', async () => {
  const network = new MemoryNetwork();
  await serve(network, 'v1');
  network.hold();
  const connecting = connect({ protocol: 'v1', port, modeChangeTimeoutMs: 100 }, {}, network);
  while (network.step()) await network.settled();
  const client = await connecting;
  onTestFinished(() => client.destroy());
  const warned = new Promise<Error>((resolve) => client.once('warning', resolve));
  await client.sendData(Buffer.from('bytes'));
  await network.clock.advance(100); // nothing arrives
  network.release();
  expect((await warned).message).toContain('(modeChangeTimeoutMs)');
});

test('an auto client that does not hear a v1 answer takes the server for v2, where none is due', async () => {
  const network = new MemoryNetwork();
  const listener = await network.listen({
    host: '127.0.0.1',
    port,
    keepAliveMs: 0,
    accept: () => {},
    failed: () => {},
  });
  const connecting = connect(
    { protocol: 'auto', port, session: 'off', modeChangeTimeoutMs: 100, heartbeatIntervalMs, probeTimeoutMs: 50 },
    {},
    network,
  );
  await network.clock.advance(50);
  const client = await connecting;
  await client.sendData(1);
  await network.clock.advance(100 * heartbeatIntervalMs);
  expect(client.isConnected()).toBe(true);
  client.destroy();
  listener.close();
});

test.each(['heartbeatIntervalMs', 'modeChangeTimeoutMs'])(
  '%s is not an option of v2, which has no answers',
  async (option) => {
    await expect(connect({ protocol: 'v2', port, [option]: 1 } as never)).rejects.toThrow(
      `there is no option ${option}`,
    );
  },
);

test('modeChangeTimeoutMs is not an option of a server', async () => {
  for (const protocol of ['v1', 'auto'] as const) {
    await expect(listen({ protocol, port: 0, modeChangeTimeoutMs: 1 } as never)).rejects.toThrow(
      'there is no option modeChangeTimeoutMs',
    );
  }
});
