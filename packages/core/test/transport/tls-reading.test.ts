/** A runtime whose accepted TLS sockets cannot use the shared buffer: they read in the default way, with the same result. */

import { waitFor } from 'serpy-contract-tests/stage';
import { afterEach, expect, test, vi } from 'vitest';
import { generateKey } from '../../src/security/shared-key.js';
import type { Transport } from '../../src/transport/transport.js';
import { clearAway, connectTo, hear, listening } from './tls-stage.js';

vi.mock(import('../../src/transport/read-buffer.js'), async (original) => ({
  ...(await original()),
  useSharedBuffer: () => false,
}));

afterEach(clearAway);

const key = generateKey();

async function pair(): Promise<{ client: Transport; server: Transport }> {
  const { address, accepted } = await listening({ key });
  const client = await connectTo(address, { key });
  await waitFor(() => accepted.length === 1);
  return { client, server: accepted[0] as Transport };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}

test.each(['hello', ''])('delivers bytes that arrived before the start, and then the end: %j', async (words) => {
  const { client, server } = await pair();
  if (words) client.write(Buffer.from(words));
  client.end();
  await turns();
  const { received, events } = hear(server);
  await waitFor(() => events.includes('closed'));
  expect([received(), events]).toEqual([words, ['ended', 'closed']]);
});

test('delivers nothing while paused, and everything in order afterwards', async () => {
  const { client, server } = await pair();
  const { received, events } = hear(server);
  server.pause();
  client.write(Buffer.from('held back'));
  client.end();
  await turns();
  expect([received(), events]).toEqual(['', []]);
  server.resume();
  await waitFor(() => events.includes('closed'));
  expect([received(), events]).toEqual(['held back', ['ended', 'closed']]);
});
