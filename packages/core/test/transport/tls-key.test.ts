/** Links with a key: which peers are accepted and rejected, and the errors at each end. */
import { createHook } from 'node:async_hooks';
import { execFile } from 'node:child_process';
import { hkdfSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { waitFor } from 'serpy-contract-tests/stage';
import { afterEach, describe, expect, test } from 'vitest';
import { generateKey, sharedKey } from '../../src/security/shared-key.js';
import type { Transport } from '../../src/transport/transport.js';
import { makeCertificate } from './certificates.js';
import {
  clearAway,
  connectTo,
  hear,
  listening,
  plainClient,
  plainServer,
  strange,
  strangeServer,
} from './tls-stage.js';

afterEach(clearAway);

const key = generateKey();
const { psk } = sharedKey(key);
const name = 'serpy client';

/** A correct client made with node:tls. */
const right: ConnectionOptions = {
  minVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256',
  pskCallback: () => ({ psk, identity: name }),
};

const offering = (offered: Uint8Array, identity = name): ConnectionOptions => ({
  ...right,
  pskCallback: () => ({ psk: offered, identity }),
});

const derived = (label: string) => new Uint8Array(hkdfSync('sha256', Buffer.from(key, 'base64url'), '', label, 32));

async function pair() {
  const { address, accepted } = await listening({ key });
  const client = await connectTo(address, { key });
  await waitFor(() => accepted.length === 1);
  return { client, server: accepted[0] as Transport };
}

/** Node reads the certificate authorities of a computer once, when it starts. */
function connectInAnotherProcess(port: number, given: string, trusted: string): Promise<string> {
  const root = new URL('../../../../', import.meta.url);
  const env = {
    ...process.env,
    NODE_EXTRA_CA_CERTS: trusted,
    TSX_TSCONFIG_PATH: fileURLToPath(new URL('tsconfig.base.json', root)),
  };
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const program = fileURLToPath(new URL('connect-with-key.ts', import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', tsx, program, String(port), given], { env }, (error, stdout, stderr) =>
      resolve(error ? stderr : stdout.trim()),
    );
  });
}

describe('two ends with one key', () => {
  test('exchange bytes, and each knows that the link is encrypted and the identity of the other', async () => {
    const { client, server } = await pair();
    expect([client.encrypted, server.encrypted]).toEqual([true, true]);
    expect([client.identity, server.identity]).toEqual(['serpy server', 'serpy client']);
    expect(client.remote).toEqual(server.local);
    expect(client.local).toEqual(server.remote);
    const [atClient, atServer] = [hear(client), hear(server)];
    client.write(Buffer.from('temperature?'));
    client.flush();
    await waitFor(() => atServer.received() === 'temperature?');
    server.write(Buffer.from('21.5'));
    server.end();
    await waitFor(() => atClient.events.includes('closed') && atServer.events.includes('closed'));
    expect(atClient.received()).toBe('21.5');
    expect([...atClient.errors, ...atServer.errors]).toEqual([]);
  });

  test('have authenticated even if the client leaves at once: the server has had a link', async () => {
    const { address, accepted, refused } = await listening({ key });
    (await connectTo(address, { key })).destroy();
    await waitFor(() => accepted.length + refused.length === 1);
    expect(refused).toEqual([]);
    const { events } = hear(accepted[0] as Transport);
    await waitFor(() => events.includes('closed'));
  });

  test('keep bytes that arrive before the start, and the end', async () => {
    const { client, server } = await pair();
    client.write(Buffer.from('early'));
    client.end();
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    const { events, received } = hear(server);
    await waitFor(() => events.includes('ended'));
    expect(received()).toBe('early');
  });

  test('report an end without bytes that came before the start', async () => {
    const { client, server } = await pair();
    client.end();
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    const { events } = hear(server);
    await waitFor(() => events.includes('ended'));
  });

  test('send no readable bytes on the wire', async () => {
    const { address, accepted } = await listening({ key });
    const wire: Buffer[] = [];
    const relay = await plainServer(async (socket) => {
      const onward = await plainClient(address);
      for (const [from, to] of [
        [socket, onward.socket],
        [onward.socket, socket],
      ] as const) {
        from.on('data', (chunk) => wire.push(chunk));
        from.pipe(to);
      }
    });
    const client = await connectTo(relay, { key });
    await waitFor(() => accepted.length === 1);
    const { received } = hear(accepted[0] as Transport);
    const words = 'the gain of the camera is 42';
    client.write(Buffer.from(words));
    client.flush();
    await waitFor(() => received() === words);
    expect(Buffer.concat(wire).includes(name)).toBe(true); // unencrypted bytes would be found
    for (const secret of [words, psk, Buffer.from(key, 'base64url'), key]) {
      expect(Buffer.concat(wire).includes(secret)).toBe(false);
    }
  });
});

describe('a server with a key', () => {
  test('accepts a client made with node:tls that does the same', async () => {
    const { address, accepted } = await listening({ key });
    expect((await strange(address, right)).outcome).toBe('secure');
    await waitFor(() => accepted.length === 1);
  });

  test('rejects a serpy client with another key, and both ends report it', async () => {
    const { address, accepted, refused } = await listening({ key });
    await expect(connectTo(address, { key: generateKey() })).rejects.toMatchObject({
      code: 'ERR_SERPY_AUTH',
      message: expect.stringMatching(
        /^cannot connect to 127\.0\.0\.1:\d+: the server has a different key: give both ends the same key/,
      ),
    });
    await waitFor(() => refused.length === 1);
    expect(refused[0]).toMatch(/^the client has a different key: give both ends the same key/);
    expect(accepted).toEqual([]);
  });

  test.each<[string, ConnectionOptions, RegExp]>([
    [
      'the secret itself, and not what is made of it',
      offering(Buffer.from(key, 'base64url')),
      /^the client has a different key/,
    ],
    [
      'a key that was made for the other role',
      offering(derived('serpy 1 tls-psk server')),
      /^the client has a different key/,
    ],
    [
      'the right key under the name of the other role',
      offering(psk, 'serpy server'),
      /did not prove that it has the key/,
    ],
    ['the right key under no name that it knows', offering(psk, 'root'), /did not prove that it has the key/],
    ['no key at all', { minVersion: 'TLSv1.3', rejectUnauthorized: false }, /did not prove that it has the key/],
    [
      'the right key in TLS 1.2',
      { ...right, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ciphers: 'PSK' },
      /does not support TLS 1\.3/,
    ],
    ['no key in TLS 1.2', { maxVersion: 'TLSv1.2', rejectUnauthorized: false }, /does not support TLS 1\.3/],
    [
      'the right key with a suite that is not of SHA-256',
      { ...right, ciphers: 'TLS_AES_256_GCM_SHA384' },
      /did not show|CIPHER/,
    ],
  ])('rejects %s', async (_, options, why) => {
    const { address, accepted, refused, gate } = await listening({ key });
    expect((await strange(address, options)).outcome).not.toBe('secure');
    await waitFor(() => refused.length === 1 && gate.pending === 0);
    expect(refused[0]).toMatch(why);
    expect(accepted).toEqual([]);
  });

  test('issues no session tickets, and accepts none instead of the key', async () => {
    const { address, accepted, refused } = await listening({ key });
    const { socket, sessions } = await strange(address, right);
    await waitFor(() => accepted.length === 1);
    const transport = accepted[0] as Transport;
    const { received } = hear(transport);
    transport.write(Buffer.from('after the ticket, if there were one'));
    transport.flush();
    socket.write('x');
    await waitFor(() => received() === 'x');
    const offered = [...sessions, socket.getSession()].filter((session) => session !== undefined);
    for (const session of offered) {
      const back = await strange(address, { minVersion: 'TLSv1.3', rejectUnauthorized: false, session });
      expect(back.outcome).not.toBe('secure');
    }
    await waitFor(() => refused.length === offered.length);
    expect(accepted).toHaveLength(1);
  });

  test.each([
    [
      'v2',
      Buffer.from('decafecafe0108000000080000000500000000000000', 'hex'),
      'give the client the key (or certificates)',
    ],
    ['v1', 'hello\x1f', 'give the client the key (or certificates)'],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: instrument\r\n\r\n', 'web browser (HTTP)'],
    ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n', 'give the client the key (or certificates)'],
    ['telnet', Buffer.from('fffb01fffb03', 'hex'), 'give the client the key (or certificates)'],
    ['zeros', Buffer.alloc(100), 'give the client the key (or certificates)'],
    ['1 MiB of text', Buffer.alloc(2 ** 20, 'x'), 'give the client the key (or certificates)'],
  ])('rejects a client that sends %s without TLS, answers with a TLS alert, and closes', async (_, says, why) => {
    const { address, accepted, refused, gate } = await listening({ key });
    const { received, over } = await plainClient(address, says);
    await waitFor(() => over() && gate.pending === 0);
    expect(refused).toEqual([expect.stringContaining('the client does not use TLS; ')]);
    expect(refused[0]).toContain(why);
    // OpenSSL has answered some of them by itself before.
    expect(received().toString('hex')).toMatch(/^(15030300020216)?1503030002020a$/);
    expect(accepted).toEqual([]);
  });

  test.each([1, 4])(
    'rejects a client that sends %i bytes after the timeout, and answers with a TLS alert',
    async (bytes) => {
      const { address, refused, gate, clock } = await listening({ key });
      const { received, over } = await plainClient(address, Buffer.alloc(bytes, 'x'));
      await waitFor(() => gate.pending === 1);
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
      await clock.advance(5000);
      await waitFor(over);
      expect(received().toString('hex')).toBe('1503030002020a');
      expect(refused).toEqual([
        expect.stringContaining('took longer than 5000 ms (authTimeoutMs): give the client the key'),
      ]);
    },
  );

  test('reads 64 KiB of a client without TLS, and not much more, whatever its timeout', async () => {
    const { address, gate } = await listening({ key });
    const stays = await plainClient(address, Buffer.alloc(64 * 1024));
    await waitFor(() => stays.received().toString('hex') === '1503030002020a');
    // A client that ignores the end of the server's stream.
    const floods = connect({ ...address, allowHalfOpen: true });
    let over = false;
    floods.on('error', () => {});
    floods.on('close', () => {
      over = true;
    });
    floods.resume();
    const send = () => {
      if (over) return;
      if (floods.writable && floods.writableLength === 0) floods.write(Buffer.alloc(64 * 1024));
      setImmediate(send);
    };
    send();
    try {
      await waitFor(() => over);
    } finally {
      over = true;
      floods.destroy();
    }
    await waitFor(() => gate.pending === 0);
  });

  test('closes at once for a ClientHello that is too long, and waits for the rest of a valid one', async () => {
    const { address, accepted, refused, gate } = await listening({ key });
    // A record of 16 KiB with the start of a ClientHello of the given length.
    const announcing = (bytes: number) => {
      const record = Buffer.alloc(5 + 16_384);
      record.write('160301400001', 'hex');
      record.writeUIntBE(bytes, 6, 3);
      return plainClient(address, record);
    };
    const [may, mayNot] = [await announcing(131_396), await announcing(131_397)];
    await waitFor(mayNot.over);
    await waitFor(() => gate.pending === 1);
    expect([refused.length, may.over(), accepted]).toEqual([1, false, []]);
  });

  test('rejects a silent client after the timeout, and answers with a TLS alert', async () => {
    const { address, refused, gate, clock } = await listening({ key });
    const { received, over } = await plainClient(address);
    await waitFor(() => gate.pending === 1);
    await clock.advance(5000);
    expect(refused).toEqual([expect.stringContaining('took longer than 5000 ms (authTimeoutMs)')]);
    await waitFor(over);
    expect(received().toString('hex')).toBe('1503030002020a');
    expect([gate.pending, clock.pending]).toEqual([0, 0]);
  });

  test('rejects a client that stops in the handshake after the timeout', async () => {
    const { address, refused, gate, clock } = await listening({ key });
    const { over } = await plainClient(address, Buffer.from('160301', 'hex'));
    await waitFor(() => gate.pending === 1);
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    await clock.advance(5000);
    await waitFor(over);
    expect(refused).toEqual([expect.stringContaining('took longer than 5000 ms')]);
  });

  test('rejects a client that closes in the middle of the handshake', async () => {
    const { address, refused, gate } = await listening({ key });
    const { socket } = await plainClient(address, Buffer.from('160301', 'hex'));
    await waitFor(() => gate.pending === 1);
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    socket.destroy();
    await waitFor(() => gate.pending === 0);
    expect(refused).toEqual(['the client closed the connection during the TLS handshake']);
  });

  test('reports nothing for a client that closes without a byte: it may be a port check', async () => {
    const { address, refused, gate, clock } = await listening({ key });
    const { socket } = await plainClient(address);
    await waitFor(() => gate.pending === 1);
    socket.end();
    await waitFor(() => gate.pending === 0);
    expect(refused).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('makes no TLS for a silent client of an address that has failed often, and serves its clients with the key', async () => {
    let handshakes = 0;
    const count = createHook({ init: (_, type) => type === 'TLSWRAP' && handshakes++ }).enable();
    try {
      const { address, gate, refused, clock } = await listening({ key }, { maxAuthFailuresPerMinute: 1 });
      const { socket } = await plainClient(address);
      await waitFor(() => gate.pending === 1);
      expect(handshakes).toBe(1);
      socket.destroy();
      await waitFor(() => gate.pending === 0);
      const silent = await plainClient(address);
      const plain = await plainClient(address, 'hello\x1f');
      await waitFor(() => plain.over() && gate.pending === 1);
      expect(handshakes).toBe(2);
      expect(refused).toEqual([expect.stringContaining('the client does not use TLS')]);
      await connectTo(address, { key });
      expect(handshakes).toBe(2 + 2); // both ends
      await clock.advance(5000);
      await waitFor(silent.over);
      expect(silent.received().toString('hex')).toBe('1503030002020a');
    } finally {
      count.disable();
    }
  });

  test('accepts a client with the key, however many clients are silent, stalled or have failed', async () => {
    const { address, turnedAway, gate, accepted } = await listening(
      { key },
      { maxPendingConnections: 2, maxAuthFailuresPerMinute: 2 },
    );
    for (let i = 0; i < 5; i++) {
      await expect(connectTo(address, { key: generateKey() })).rejects.toMatchObject({ code: 'ERR_SERPY_AUTH' });
    }
    for (let i = 0; i < 20; i++) await plainClient(address);
    for (let i = 0; i < 3; i++) await plainClient(address, Buffer.from('160301', 'hex'));
    await waitFor(() => turnedAway.length >= 6);
    expect(gate.pending).toBeLessThanOrEqual(16 + 2);
    await connectTo(address, { key });
    await waitFor(() => accepted.length === 1);
    expect(new Set(turnedAway)).toEqual(new Set(['maxPendingConnections']));
  });

  test('that is closed disconnects authenticating clients without a report', async () => {
    const { address, listener, refused, gate, clock } = await listening({ key });
    const [silent, begun] = [await plainClient(address), await plainClient(address, Buffer.from('160301', 'hex'))];
    await waitFor(() => gate.pending === 2);
    listener.close();
    await waitFor(() => silent.over() && begun.over() && gate.pending === 0);
    expect([refused, clock.pending]).toEqual([[], 0]);
  });

  test('that is closed keeps the established links', async () => {
    const { address, listener, accepted } = await listening({ key });
    const client = await connectTo(address, { key });
    await waitFor(() => accepted.length === 1);
    listener.close();
    const { received } = hear(accepted[0] as Transport);
    client.write(Buffer.from('still here'));
    client.flush();
    await waitFor(() => received() === 'still here');
  });
});

describe('a client with a key', () => {
  const tls13 = { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' } as const;

  test('rejects a server with another key', async () => {
    const address = await strangeServer({ ...tls13, pskCallback: () => Buffer.alloc(32, 7) });
    await expect(connectTo(address, { key })).rejects.toThrow(/the server has a different key/);
  });

  test('rejects a server that does not know the identity of the key', async () => {
    const address = await strangeServer({ ...tls13, pskCallback: () => null });
    await expect(connectTo(address, { key })).rejects.toMatchObject({ code: 'ERR_SERPY_AUTH' });
  });

  test('rejects a server that sends a certificate instead, whether valid or not', async () => {
    for (const options of [{}, { maxVersion: 'TLSv1.2' }] as const) {
      const { cert, key: privateKey } = makeCertificate({ name: '127.0.0.1' });
      const address = await strangeServer({ ...options, cert, key: privateKey });
      await expect(connectTo(address, { key })).rejects.toMatchObject({ code: 'ERR_SERPY_AUTH' });
    }
  });

  test('rejects a server whose certificate has an issuer that this computer trusts', async () => {
    const authority = makeCertificate({ name: 'authority of this computer', authority: true });
    const { cert, key: privateKey } = makeCertificate({ name: '127.0.0.1', issuer: authority });
    const { port } = await strangeServer({ cert, key: privateKey });
    const folder = mkdtempSync(join(tmpdir(), 'serpy-ca-'));
    const trusted = join(folder, 'ca.pem');
    writeFileSync(trusted, authority.cert);
    try {
      expect(await connectInAnotherProcess(port, 'none', trusted)).toBe('accepted'); // with certificates it is accepted
      expect(await connectInAnotherProcess(port, key, trusted)).toBe('ERR_SERPY_AUTH');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('rejects a server that selects another cipher suite, or an older TLS', async () => {
    for (const options of [{ ciphers: 'TLS_AES_256_GCM_SHA384' }, { maxVersion: 'TLSv1.2', ciphers: 'PSK' }] as const) {
      const address = await strangeServer({ ...options, pskCallback: () => Buffer.from(psk) });
      await expect(connectTo(address, { key })).rejects.toMatchObject({ code: 'ERR_SERPY_AUTH' });
    }
  });

  test.each<[string, string]>([
    ['v2', '\xde\xca\xfe\xca\xfe\x21\x00\x00\x00\x00\x00\x00\x00\x00'],
    ['v1', 'welcome\x1f'],
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ])('reports a server that begins in %s as one without TLS', async (_, greeting) => {
    const address = await plainServer((socket) => socket.write(greeting, 'latin1'));
    await expect(connectTo(address, { key })).rejects.toMatchObject({
      code: 'ERR_SERPY_AUTH',
      message: expect.stringContaining('the server does not use TLS'),
    });
  });

  test('reports a server that closes as one that may not use TLS', async () => {
    const address = await plainServer((socket) => socket.once('data', () => socket.end()));
    await expect(connectTo(address, { key })).rejects.toMatchObject({
      code: 'ERR_SERPY_AUTH',
      message: expect.stringContaining('it may not use TLS'),
    });
  });

  test('reports a server that never answers the handshake as one that may not use TLS, after the timeout', async () => {
    let reached = false;
    const address = await plainServer((socket) => {
      socket.once('data', () => {
        reached = true;
      });
    });
    const controller = new AbortController();
    const connecting = connectTo(address, { key }, controller.signal);
    await waitFor(() => reached);
    const { ConnectError } = await import('../../src/errors.js');
    const reason = new ConnectError('did not answer within 1000 ms');
    controller.abort(reason);
    await expect(connecting).rejects.toMatchObject({
      code: 'ERR_SERPY_AUTH',
      cause: reason,
      message: expect.stringContaining('did not answer the TLS handshake. It may not use TLS'),
    });
  });

  test('ends with the reason of its signal, aborted before and during the attempt', async () => {
    const address = await plainServer(() => {});
    const reason = new Error('no time');
    await expect(connectTo(address, { key }, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const connecting = connectTo(address, { key }, controller.signal);
    controller.abort(reason);
    await expect(connecting).rejects.toBe(reason);
  });

  test('fails with an explanation if nothing listens', async () => {
    const { address, listener } = await listening({ key });
    listener.close();
    await expect(connectTo(address, { key })).rejects.toMatchObject({
      code: 'ERR_SERPY_CONNECT',
      message: expect.stringContaining('nothing listens there'),
    });
  });
});
