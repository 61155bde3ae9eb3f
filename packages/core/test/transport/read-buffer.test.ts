/** A runtime whose accepted sockets cannot use the shared buffer: they read in the default way, with the same result. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { waitFor } from 'serpy-contract-tests/stage';
import { afterEach, expect, test, vi } from 'vitest';
import { tcpListen } from '../../src/transport/tcp-network.js';
import type { Listener, Transport } from '../../src/transport/transport.js';

vi.mock(import('../../src/transport/read-buffer.js'), async (original) => ({
  ...(await original()),
  adoptSocket: () => undefined,
}));

const opened: { destroy(): void }[] = [];
const listeners: Listener[] = [];

afterEach(() => {
  for (const each of opened.splice(0)) each.destroy();
  for (const each of listeners.splice(0)) each.close();
});

async function withSocket(): Promise<{ transport: Transport; socket: Socket }> {
  const accepted: Transport[] = [];
  const accept = (transport: Transport) => accepted.push(transport);
  const listener = await tcpListen({ host: '127.0.0.1', port: 0, keepAliveMs: 0, accept, failed: () => {} });
  listeners.push(listener);
  const socket = connect(listener.address);
  opened.push(socket);
  await once(socket, 'connect');
  await waitFor(() => accepted.length === 1);
  opened.push(accepted[0] as Transport);
  return { transport: accepted[0] as Transport, socket };
}

/** The events of a transport, in order. */
function listen(transport: Transport): string[] {
  const events: string[] = [];
  transport.start({
    received: (chunk) => events.push(chunk.toString('latin1')),
    drained: () => {},
    ended: () => events.push('ended'),
    closed: () => events.push('closed'),
  });
  return events;
}

test('delivers bytes that arrived before the start, and then the end', async () => {
  const { transport, socket } = await withSocket();
  socket.end('early');
  await new Promise(setImmediate);
  const events = listen(transport);
  await waitFor(() => events.includes('ended'));
  expect(events).toEqual(['early', 'ended']);
});

test.each(['before', 'after'])(
  'brings nothing while it is paused, %s its start, and all in order afterwards',
  async (when) => {
    const { transport, socket } = await withSocket();
    if (when === 'before') transport.pause();
    const events = listen(transport);
    if (when === 'after') transport.pause();
    socket.end('held back');
    await once(socket, 'finish');
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(events).toEqual([]);
    transport.resume();
    await waitFor(() => events.includes('ended'));
    expect(events).toEqual(['held back', 'ended']);
  },
);
