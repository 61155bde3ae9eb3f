/** Links with certificates: the behavior of node:tls, the errors at each end, and the options that serpy sets. */
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { waitFor } from 'serpy-contract-tests/stage';
import { afterEach, describe, expect, test } from 'vitest';
import { generateKey } from '../../src/security/shared-key.js';
import type { TlsOptions } from '../../src/security/tls-options.js';
import type { Transport } from '../../src/transport/transport.js';
import { type CertificateOptions, makeCertificate } from './certificates.js';
import { clearAway, connectTo, hear, listening, plainClient, plainServer, strange } from './tls-stage.js';

afterEach(clearAway);

const authority = makeCertificate({ name: 'lab authority', authority: true });

function signed(options: CertificateOptions = {}): { cert: string; key: string } {
  const { cert, key } = makeCertificate({ name: '127.0.0.1', issuer: authority, ...options });
  return { cert, key };
}

const trusting = { ca: authority.cert };

describe('a server with a certificate', () => {
  test('is accepted by a client that trusts its issuer, and identified by its fingerprint', async () => {
    const own = signed();
    const { address, accepted } = await listening({ tls: own });
    const client = await connectTo(address, { tls: trusting });
    await waitFor(() => accepted.length === 1);
    const server = accepted[0] as Transport;
    expect([client.encrypted, server.encrypted]).toEqual([true, true]);
    expect(client.identity).toBe(new X509Certificate(own.cert).fingerprint256);
    expect(server.identity).toBeUndefined(); // the client has no certificate
    const { received } = hear(server);
    client.write(Buffer.from('hello'));
    client.flush();
    await waitFor(() => received() === 'hello');
  });

  test.each<[string, CertificateOptions, TlsOptions, RegExp]>([
    ['has expired', { days: -1 }, trusting, /the certificate of the server has expired: renew it/],
    ['is for another name', { name: 'camera.lab' }, trusting, /for another name.*servername/],
    [
      'has an issuer that the client does not trust',
      {},
      {},
      /an issuer that this program does not trust.*tls: \{ ca \}/,
    ],
  ])('that %s is refused, and the error says what to do', async (_, certificate, tls, why) => {
    const { address } = await listening({ tls: signed(certificate) });
    await expect(connectTo(address, { tls })).rejects.toMatchObject({
      code: 'ERR_SERPY_AUTH',
      message: expect.stringMatching(why),
    });
  });

  test('that is self-signed is refused, unless the client trusts it', async () => {
    const { cert, key } = makeCertificate({ name: '127.0.0.1' });
    const { address } = await listening({ tls: { cert, key } });
    await expect(connectTo(address, { tls: true })).rejects.toThrow(/an issuer that this program does not trust/);
    expect((await connectTo(address, { tls: { ca: cert } })).identity).toBeDefined();
  });

  test('is reached under another name with servername', async () => {
    const { address } = await listening({ tls: signed({ name: 'camera.lab' }) });
    expect((await connectTo(address, { tls: { ...trusting, servername: 'camera.lab' } })).encrypted).toBe(true);
  });

  test('gets the name to which the client connects, so that it can have several', async () => {
    const asked: string[] = [];
    const { cert, key } = signed({ name: 'localhost' });
    const context = createSecureContext({ cert, key });
    const SNICallback: TlsOptions['SNICallback'] = (name, done) => {
      asked.push(name);
      done(null, context);
    };
    const { address } = await listening({ tls: { SNICallback } });
    expect((await connectTo({ ...address, host: 'localhost' }, { tls: trusting })).encrypted).toBe(true);
    expect(asked).toEqual(['localhost']);
  });

  test('that is not verified (rejectUnauthorized: false) has no identity', async () => {
    const { address } = await listening({ tls: signed({ days: -1 }) });
    const client = await connectTo(address, { tls: { rejectUnauthorized: false } });
    expect([client.encrypted, client.identity]).toEqual([true, undefined]);
  });

  test('is rejected by a client with a key, whatever the issuer of the certificate', async () => {
    const { address, accepted, refused } = await listening({ tls: signed() });
    await expect(connectTo(address, { key: generateKey() })).rejects.toMatchObject({
      code: 'ERR_SERPY_AUTH',
      message: expect.stringContaining('the server sent a certificate and did not prove that it has the key'),
    });
    await waitFor(() => refused.length === 1);
    expect([refused, accepted]).toEqual([['the client closed the connection during the TLS handshake'], []]);
  });

  test('refuses a client without TLS', async () => {
    const { address, refused } = await listening({ tls: signed() });
    const { over } = await plainClient(address, 'hello\x1f');
    await waitFor(over);
    expect(refused).toEqual([expect.stringContaining('the client does not use TLS')]);
  });

  test('issues no session tickets', async () => {
    const { address, accepted } = await listening({ tls: { ...signed(), requestCert: true, ca: authority.cert } });
    const { socket, outcome, sessions } = await strange(address, { ...trusting, ...signed() });
    expect(outcome).toBe('secure');
    await waitFor(() => accepted.length === 1);
    const transport = accepted[0] as Transport;
    const { received } = hear(transport);
    socket.write('x');
    await waitFor(() => received() === 'x');
    for (const session of sessions) {
      const back = await strange(address, { ...trusting, session });
      expect(back.socket.isSessionReused()).toBe(false);
    }
  });
});

describe('a server that requires certificates', () => {
  const asking = () => ({ ...signed(), ca: authority.cert, requestCert: true });

  test('accepts a client whose certificate its ca has signed, and knows its fingerprint', async () => {
    const { address, accepted } = await listening({ tls: asking() });
    const own = signed({ name: 'workstation' });
    await connectTo(address, { tls: { ...trusting, ...own } });
    await waitFor(() => accepted.length === 1);
    expect(accepted[0]?.identity).toBe(new X509Certificate(own.cert).fingerprint256);
  });

  test('rejects a client without one, which gets an error although its handshake was complete', async () => {
    const { address, accepted, refused } = await listening({ tls: asking() });
    const client = await connectTo(address, { tls: trusting });
    const { errors, events } = hear(client);
    await waitFor(() => events.includes('closed'));
    expect(errors).toMatchObject([
      {
        code: 'ERR_SERPY_AUTH',
        message: expect.stringContaining('the server rejected the certificate of this client'),
      },
    ]);
    await waitFor(() => refused.length === 1);
    expect(refused[0]).toMatch(/^the client sent no certificate/);
    expect(accepted).toEqual([]);
  });

  test('rejects a client whose certificate has another issuer', async () => {
    const { address, accepted, refused } = await listening({ tls: asking() });
    const { cert, key } = makeCertificate({ name: 'workstation' });
    const { events } = hear(await connectTo(address, { tls: { ...trusting, cert, key } }));
    await waitFor(() => refused.length === 1 && events.includes('closed'));
    expect(refused[0]).toMatch(
      /or its certificate is not valid|the certificate of the client is expired or not signed/,
    );
    expect(accepted).toEqual([]);
  });

  test('and accepts others too has no identity of those', async () => {
    const { address, accepted } = await listening({ tls: { ...asking(), rejectUnauthorized: false } });
    const { cert, key } = makeCertificate({ name: 'workstation' });
    await connectTo(address, { tls: { ...trusting, cert, key } });
    await waitFor(() => accepted.length === 1);
    expect(accepted[0]?.identity).toBeUndefined();
  });
});

describe('a client with certificates', () => {
  test('rejects a server with a key, and both ends report the cause', async () => {
    const { address, refused } = await listening({ key: generateKey() });
    await expect(connectTo(address, { tls: trusting })).rejects.toMatchObject({
      code: 'ERR_SERPY_AUTH',
      message: expect.stringContaining('a server with a key needs the option key at this end'),
    });
    await waitFor(() => refused.length === 1);
    expect(refused[0]).toMatch(/did not prove that it has the key/);
  });

  test('reports a server without TLS', async () => {
    const address = await plainServer((socket) => socket.write('welcome\x1f'));
    await expect(connectTo(address, { tls: trusting })).rejects.toThrow(/the server does not use TLS/);
  });

  test('names the option if node:tls rejects it', async () => {
    const { address } = await listening({ key: generateKey() });
    const wrong = { tls: { cert: 'no certificate', key: 'no key' } };
    const refused = {
      code: 'ERR_SERPY_OPTION',
      message: expect.stringContaining('node:tls rejects the option tls'),
    };
    await expect(connectTo(address, wrong)).rejects.toMatchObject(refused);
    await expect(listening(wrong)).rejects.toMatchObject(refused);
  });
});
