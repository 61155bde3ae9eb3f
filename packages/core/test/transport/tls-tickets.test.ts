/** A TLS server that issues session tickets against its options: a client that returns with a ticket has not proved that it has the key, and is rejected. */
import type { TlsOptions } from 'node:tls';
import { waitFor } from 'serpy-contract-tests/stage';
import { afterEach, expect, test, vi } from 'vitest';
import { generateKey, sharedKey } from '../../src/security/shared-key.js';
import type { Transport } from '../../src/transport/transport.js';
import { clearAway, hear, listening, strange } from './tls-stage.js';

vi.mock(import('node:tls'), async (original) => {
  const tls = await original();
  const createServer = (options: TlsOptions) => tls.createServer({ ...options, secureOptions: 0 });
  return { ...tls, createServer } as typeof tls;
});

afterEach(clearAway);

test('a client without the key cannot return with a ticket', async () => {
  const key = generateKey();
  const { address, accepted, refused } = await listening({ key });
  const tls13 = { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' } as const;
  const pskCallback = () => ({ psk: sharedKey(key).psk, identity: 'serpy client' });
  const { socket, sessions } = await strange(address, { ...tls13, pskCallback });
  await waitFor(() => accepted.length === 1);
  const transport = accepted[0] as Transport;
  hear(transport);
  transport.write(Buffer.from('after the ticket'));
  transport.flush();
  socket.resume();
  await waitFor(() => sessions.length > 0);

  const back = await strange(address, { ...tls13, rejectUnauthorized: false, session: sessions[0] });
  expect([back.outcome, back.socket.isSessionReused()]).toEqual(['secure', true]); // TLS accepts the ticket
  await waitFor(() => refused.length === 1 && back.socket.destroyed);
  expect(refused).toEqual([
    'the client tried to resume an earlier TLS session instead of authenticating with the key: connect again with the key',
  ]);
  expect(accepted).toHaveLength(1);
});
