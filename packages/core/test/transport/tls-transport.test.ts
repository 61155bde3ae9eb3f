/** Transports over TLS, where they differ from TCP. Both ends are tested, because they read in different ways. */
import { Socket } from 'node:net';
import { waitFor } from 'serpy-contract-tests/stage';
import { afterEach, describe, expect, test } from 'vitest';
import { generateKey } from '../../src/security/shared-key.js';
import { SocketReader, useSharedBuffer } from '../../src/transport/read-buffer.js';
import type { Transport } from '../../src/transport/transport.js';
import { clearAway, connectTo, hear, listening } from './tls-stage.js';

afterEach(clearAway);

const key = generateKey();

async function pair(from: 'client' | 'server') {
  const { address, accepted } = await listening({ key });
  const client = await connectTo(address, { key });
  await waitFor(() => accepted.length === 1);
  const server = accepted[0] as Transport;
  return from === 'client' ? { sender: client, reader: server } : { sender: server, reader: client };
}

async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}

describe.each(['client', 'server'] as const)('a %s over TLS', (from) => {
  test('is read into one shared buffer, so that reading takes no memory', async () => {
    const memory = new Set<ArrayBufferLike>();
    for (let n = 0; n < 2; n++) {
      const { sender, reader } = await pair(from);
      let chunks = 0;
      reader.start({
        received: (chunk) => {
          chunks++;
          memory.add(chunk.buffer);
        },
        drained: () => {},
        ended: () => {},
        closed: () => {},
      });
      sender.write(Buffer.from('hello'));
      sender.flush();
      await waitFor(() => chunks > 0);
    }
    expect(memory.size).toBe(1);
    expect([...memory][0]?.byteLength).toBe(256 * 1024);
  });

  test('delivers everything in order, however much it sends', async () => {
    const { sender, reader } = await pair(from);
    const { received, events } = hear(reader);
    const pieces = Array.from({ length: 200 }, (_, n) => Buffer.alloc(n * 97, n));
    for (const piece of pieces) {
      sender.write(piece);
      sender.flush();
    }
    sender.end();
    await waitFor(() => events.includes('closed'));
    expect(Buffer.from(received(), 'latin1').equals(Buffer.concat(pieces))).toBe(true);
  });

  test('delivers nothing while the reader is paused, and then everything in order', async () => {
    const { sender, reader } = await pair(from);
    const { received, events } = hear(reader);
    reader.pause();
    const words = Buffer.alloc(50_000, 'held back. ');
    sender.write(words);
    sender.end();
    await turns();
    expect([received(), events]).toEqual(['', []]);
    reader.resume();
    await waitFor(() => events.includes('closed'));
    expect(received()).toBe(words.toString());
    expect(events).toEqual(['ended', 'closed']);
  });

  test('delivers one chunk for each resume, and the end last', async () => {
    const { sender, reader } = await pair(from);
    const events: string[] = [];
    let bytes = 0;
    reader.start({
      received: (chunk) => {
        bytes += chunk.length;
        events.push('received');
        reader.pause();
        setImmediate(() => reader.resume());
      },
      drained: () => {},
      ended: () => {
        events.push('ended');
        reader.end();
      },
      closed: () => events.push('closed'),
    });
    sender.write(Buffer.alloc(200_000, 1));
    sender.end();
    await waitFor(() => events.includes('closed'));
    expect(bytes).toBe(200_000);
    expect(events.slice(-3)).toEqual(['received', 'ended', 'closed']);
  });

  test('delivers everything to a reader that starts late, paused or not', async () => {
    for (const paused of [false, true]) {
      const { sender, reader } = await pair(from);
      sender.write(Buffer.from('early'));
      sender.end();
      await turns();
      if (paused) reader.pause();
      const { received, events } = hear(reader);
      await turns();
      if (paused) expect([received(), events]).toEqual(['', []]);
      reader.resume();
      await waitFor(() => events.includes('closed'));
      expect(received()).toBe('early');
      expect(events).toEqual(['ended', 'closed']);
    }
  });

  test('reports an end without bytes to a reader that starts late', async () => {
    const { sender, reader } = await pair(from);
    sender.end();
    await turns();
    const { events } = hear(reader);
    await waitFor(() => events.includes('closed'));
    expect(events).toEqual(['ended', 'closed']);
  });

  test('receives bytes after it has ended its own stream', async () => {
    const { sender, reader } = await pair(from);
    const [atSender, atReader] = [hear(sender), { ended: false }];
    reader.start({
      received: () => {},
      drained: () => {},
      ended: () => {
        atReader.ended = true;
      },
      closed: () => {},
    });
    sender.end();
    await waitFor(() => atReader.ended);
    await turns();
    reader.write(Buffer.from('last words'));
    reader.end();
    await waitFor(() => atSender.events.includes('closed'));
    expect(atSender.received()).toBe('last words');
  });

  test('emits drained when it has room again', async () => {
    const { sender, reader } = await pair(from);
    const { events } = hear(sender);
    const block = Buffer.alloc(1 << 20);
    let blocks = 0;
    while (blocks < 64) {
      sender.write(block);
      sender.flush();
      blocks++;
    }
    expect(sender.writable).toBe(false);
    const { receivedBytes } = hear(reader);
    await waitFor(() => events.includes('drained'));
    expect([sender.writable, sender.unsentBytes]).toEqual([true, 0]);
    await waitFor(() => receivedBytes() === blocks * block.length);
  });

  test('reuses the memory of small pieces after they have left', async () => {
    const { sender, reader } = await pair(from);
    const { received, receivedBytes } = hear(reader);
    const places = new Set<unknown>();
    for (let n = 0; n < 100; n++) {
      const { buffer, offset } = sender.reserve(1000);
      places.add(buffer);
      buffer.fill(n, offset, offset + 1000);
      sender.flush();
      await waitFor(() => receivedBytes() === 1000 * (n + 1) && sender.unsentBytes === 0);
      await turns(1);
    }
    expect(places.size).toBe(1);
    expect(received()).toBe(Array.from({ length: 100 }, (_, n) => String.fromCharCode(n).repeat(1000)).join(''));
  });

  test('that closes at once emits closed once', async () => {
    const { sender, reader } = await pair(from);
    const { events } = hear(reader);
    sender.destroy();
    await waitFor(() => events.includes('closed'));
    await turns();
    expect(events.filter((each) => each === 'closed')).toHaveLength(1);
  });
});

describe('a socket that a server accepted', () => {
  test('reads in the default way if it cannot use that buffer', () => {
    const reading = new SocketReader();
    const wholly = { _handle: { useUserBuffer: () => {} } };
    for (const inside of [{}, { _handle: null }, { _handle: {} }]) {
      expect(useSharedBuffer(Object.assign(new Socket(), inside), reading)).toBe(false);
    }
    const unknown = Object.assign(Object.create(null), wholly, { readableLength: 0 });
    expect(useSharedBuffer(unknown, reading)).toBe(false); // a runtime with other property names
    const busy = Object.defineProperty(Object.assign(new Socket(), wholly), 'readableLength', { value: 5 });
    expect(useSharedBuffer(busy, reading)).toBe(false); // bytes that have arrived would be lost
    expect(useSharedBuffer(Object.assign(new Socket(), wholly), reading)).toBe(true);
  });
});
