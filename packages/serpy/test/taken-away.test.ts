/** Whatever a program does to its own bytes after `sendData`, that message alone fails; the process, the stream and the others go on. */
import { once } from 'node:events';
import { connect, generateKey, listen } from 'serpy';
import { describe, expect, onTestFinished, test } from 'vitest';

/** Not in the library of types yet. */
interface ResizableMemory extends ArrayBuffer {
  resize(bytes: number): void;
}

const mib = 1024 * 1024;

/** Bytes, and what the program does to them. */
const deeds: readonly [string, (sizeBytes: number) => { bytes: Uint8Array; undo(): void }][] = [
  [
    'transferred',
    (sizeBytes) => {
      const bytes = new Uint8Array(sizeBytes).fill(7);
      return { bytes, undo: () => void structuredClone(bytes.buffer, { transfer: [bytes.buffer] }) };
    },
  ],
  [
    'made smaller',
    (sizeBytes) => {
      const memory = Reflect.construct(ArrayBuffer, [sizeBytes, { maxByteLength: sizeBytes }]) as ResizableMemory;
      return { bytes: new Uint8Array(memory).fill(7), undo: () => memory.resize(1000) };
    },
  ],
];

const worlds = [
  ['TCP', {}],
  ['TLS', { key: generateKey() }],
] as const;

async function pair(session: 'off' | 'require', security: object) {
  const server = await listen({ protocol: 'v2', port: 0, ...security });
  onTestFinished(() => server.closeServer());
  const options = {
    protocol: 'v2',
    session,
    autoRestart: true,
    reconnect: { minDelayMs: 0, baseDelayMs: 1 },
  } as const;
  const client = await connect({ ...options, port: server.address.port, ...security });
  onTestFinished(() => client.destroy());
  const warnings: { readonly code: string }[] = [];
  client.on('warning', (warning) => warnings.push(warning));
  const got: unknown[] = [];
  const take = async (connection: AsyncIterable<unknown>) => {
    for await (const data of connection) got.push(typeof data === 'string' ? data : (data as Buffer).length);
  };
  (async () => {
    for await (const connection of server) void take(connection);
  })();
  return { server, client, warnings, got };
}

async function until(condition: () => boolean, state: () => unknown): Promise<void> {
  const endMs = performance.now() + 8000;
  while (!condition()) {
    if (performance.now() > endMs)
      throw new Error(
        `it never came true: ${JSON.stringify(state(), (_, value) => (value instanceof Error ? value.message : value))}`,
      );
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe.each(worlds)('over %s', (_, security) => {
  describe.each(['off', 'require'] as const)('with handshake %j', (handshake) => {
    test.each(deeds)('bytes that are %s while they are sent', async (_deed, deed) => {
      for (const sizeBytes of [5000, 100_000, 400_000, 3 * mib, 40 * mib]) {
        const { client, warnings, got } = await pair(handshake, security);
        const { bytes, undo } = deed(sizeBytes);
        await client.sendData('before');
        await client.sendData(bytes);
        undo();
        await until(
          () => got.includes('before'),
          () => got,
        );
        do {
          await client.sendData('after'); // without a session, a message in flight is lost when the link ends
          await new Promise((resolve) => setTimeout(resolve, 5));
        } while (!got.includes('after'));
        const arrived = got.includes(sizeBytes);
        expect(arrived || warnings.some(({ code }) => code === 'ERR_SERPY_VALUE'), `${sizeBytes}: ${got}`).toBe(true);
        client.destroy();
      }
    });

    test.each(deeds)('bytes that are %s while there is no link', async (_deed, deed) => {
      const { client, server, warnings, got } = await pair(handshake, security);
      await until(
        () => server.size === 1,
        () => server.size,
      );
      const down = once(client, 'disconnect');
      for (const connection of server) connection.destroy();
      await down;
      for (const sizeBytes of [5000, 100_000, 3 * mib]) {
        const { bytes, undo } = deed(sizeBytes);
        await client.sendData(bytes);
        undo();
      }
      await client.sendData('after');
      await until(
        () => got.includes('after'),
        () => [got, warnings],
      );
      expect(got.filter((data) => data !== 'after' && data !== 4096)).toEqual([]);
      expect(warnings.filter(({ code }) => code === 'ERR_SERPY_VALUE')).toHaveLength(3);
    });
  });

  test('a stream whose source transfers a chunk fails, and the messages continue', async () => {
    const { client, got } = await pair('require', security);
    const chunk = new Uint8Array(8 * mib);
    const sent = client.sendStream([chunk]);
    client.once('progress', () => void structuredClone(chunk.buffer, { transfer: [chunk.buffer] }));
    await expect(sent).rejects.toMatchObject({ code: 'ERR_SERPY_VALUE' });
    await client.sendData('after');
    await until(
      () => got.includes('after'),
      () => got,
    );
  });
});
