import { Duplex } from 'node:stream';
import { waitFor } from 'serpy-contract-tests/stage';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { securityOf } from '../../src/security/security.js';
import { generateKey } from '../../src/security/shared-key.js';
import { systemEnvironment } from '../../src/system-environment.js';
import type { Transport } from '../../src/transport/transport.js';
import { hasSeparate, maxWriteBytes, WriteParts } from '../../src/transport/write-parts.js';

/** An `ArrayBuffer` of ES2024, whose method the configured types do not declare. */
type ResizableMemory = ArrayBuffer & { resize(sizeBytes: number): void };

const opened: { destroy(): void }[] = [];
const closing: { close(): unknown }[] = [];

afterEach(() => {
  vi.restoreAllMocks();
  for (const each of opened.splice(0)) each.destroy();
  for (const each of closing.splice(0)) each.close();
});

describe('parts', () => {
  test('contain all bytes in order, none above the maximum of a write', () => {
    const parts = new WriteParts();
    const large = Buffer.alloc(2 * maxWriteBytes + 5, 'b');
    parts.add([Buffer.from('a'), large]);
    const sizes: number[] = [];
    const take = () => parts.take() as Uint8Array[];
    const first = take();
    expect(Buffer.from(first[0] as Uint8Array).toString()).toBe('a');
    sizes.push(first.reduce((sum, { length }) => sum + length, 0));
    parts.add([Buffer.from('c')]);
    while (parts.bytes > 0) sizes.push(take().reduce((sum, { length }) => sum + length, 0));
    expect(sizes).toEqual([maxWriteBytes, maxWriteBytes, 7]);
    expect(parts.take()).toEqual([]);
  });

  test('are undefined if the program has shrunk their memory', () => {
    const limit = { maxByteLength: 2 * maxWriteBytes };
    const memory = Reflect.construct(ArrayBuffer, [2 * maxWriteBytes, limit]) as ResizableMemory;
    const parts = new WriteParts();
    parts.add([Buffer.from('a'), new Uint8Array(memory)]);
    expect(parts.take()).toHaveLength(2);
    memory.resize(maxWriteBytes + 100);
    expect(parts.take()).toBeUndefined();
  });

  test('are undefined if the memory of a piece that was not begun was transferred', () => {
    const parts = new WriteParts();
    const later = new Uint8Array(100);
    parts.add([new Uint8Array(maxWriteBytes), later]);
    expect(parts.take()).toHaveLength(1);
    structuredClone(later.buffer, { transfer: [later.buffer] });
    expect(parts.take()).toBeUndefined();
  });

  test('contain a large piece alone over TLS, and small ones together', () => {
    const parts = new WriteParts(true);
    const [small, large] = [Buffer.alloc(26), Buffer.alloc(64 * 1024)];
    expect([hasSeparate([small, large]), hasSeparate([large]), hasSeparate([small, small])]).toEqual([
      true,
      false,
      false,
    ]);
    parts.add([small, small, large, large, small]);
    const sizes: number[][] = [];
    while (parts.bytes > 0) sizes.push((parts.take() as Uint8Array[]).map(({ length }) => length));
    expect(sizes).toEqual([[26, 26], [65536], [65536], [26]]);
  });

  test('are undefined if their memory was transferred', () => {
    const parts = new WriteParts();
    const large = new Uint8Array(2 * maxWriteBytes);
    parts.add([large]);
    expect(parts.take()).toHaveLength(1);
    structuredClone(large.buffer, { transfer: [large.buffer] });
    expect(parts.take()).toBeUndefined();
  });
});

describe.each([
  ['TCP', undefined],
  ['TLS', securityOf({ key: generateKey() })],
])('a piece above the maximum of one write, over %s', (_, security) => {
  async function pair(): Promise<{ client: Transport; server: Transport }> {
    const accepted: Transport[] = [];
    const listener = await systemEnvironment.listen({
      host: '127.0.0.1',
      port: 0,
      keepAliveMs: 0,
      security,
      gate: { enter: () => ({ failsOften: false, started() {}, succeeded() {}, failed() {}, closed() {} }) },
      accept: (transport) => accepted.push(transport),
      failed: () => {},
    });
    closing.push(listener);
    const signal = new AbortController().signal;
    const client = await systemEnvironment.dial({ ...listener.address, keepAliveMs: 0, signal, security });
    opened.push(client);
    await waitFor(() => accepted.length === 1);
    opened.push(...accepted);
    return { client, server: accepted[0] as Transport };
  }

  test('is sent in parts, before later writes and the end', async () => {
    const { client, server } = await pair();
    let mostBytes = 0;
    const { write } = Duplex.prototype;
    vi.spyOn(Duplex.prototype, 'write').mockImplementation(function (this: Duplex, ...args: unknown[]) {
      const took = Reflect.apply(write, this, args) as boolean;
      mostBytes = Math.max(mostBytes, this.writableLength);
      return took;
    });
    const chunks: Buffer[] = [];
    let ended = false;
    const quiet = { received: () => {}, drained: () => {}, ended: () => {}, closed: () => {} };
    let drained = 0;
    client.start({ ...quiet, drained: () => drained++ });
    server.start({ ...quiet, received: (chunk) => chunks.push(Buffer.from(chunk)), ended: () => (ended = true) });
    const piece = Buffer.alloc(2 * maxWriteBytes + 1000, 'p');
    piece.writeUInt32BE(0xcafe, maxWriteBytes);
    client.write(Buffer.from('<'));
    client.write(piece);
    expect(client.writable).toBe(false);
    expect(client.unsentBytes).toBeGreaterThan(maxWriteBytes);
    client.write(Buffer.from('>'));
    client.flush();
    client.end();
    await waitFor(() => ended);
    const received = Buffer.concat(chunks);
    expect(received.equals(Buffer.concat([Buffer.from('<'), piece, Buffer.from('>')]))).toBe(true);
    expect(client.unsentBytes).toBe(0);
    expect(drained).toBe(1);
    expect(mostBytes).toBeLessThanOrEqual(maxWriteBytes);
  });
});
