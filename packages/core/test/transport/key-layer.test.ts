/** The key layer of docs/protocol-v2.md: the first bytes of a client with a key. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { waitFor } from 'serpy-contract-tests/stage';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { generateKey } from '../../src/security/shared-key.js';
import type { Transport } from '../../src/transport/transport.js';
import { clearAway, connectTo, hear, listening } from './tls-stage.js';

afterEach(clearAway);

const page = readFileSync(new URL('../../../../docs/protocol-v2.md', import.meta.url), 'utf8');

/** The value in a row of the table of the page. */
function item(name: string): string {
  return new RegExp(`^\\| ${name} \\| (.*) \\|$`, 'm').exec(page)?.[1] ?? '';
}

/** A ClientHello of TLS (RFC 8446). */
function readClientHello(record: Buffer) {
  let at = 5 + 4 + 2 + 32; // record, handshake, version, random
  const take = (count: number) => {
    at += count;
    return record.subarray(at - count, at);
  };
  const vector = (lengthBytes: number) => take(take(lengthBytes).readUIntBE(0, lengthBytes));
  vector(1); // session id
  const suites = vector(2).toString('hex').match(/.{4}/g) ?? [];
  vector(1); // compression
  const extensions = new Map<number, Buffer>();
  for (const end = take(2).readUInt16BE() + at; at < end; ) extensions.set(take(2).readUInt16BE(), vector(2));
  return { suites, extensions };
}

test('a client with a key offers the PSK, the suites and the mode of the page, and nothing that it excludes', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const connected = once(server, 'connection');
  const refused = connectTo({ host: '127.0.0.1', port }, { key: generateKey() }).catch((error) => error.code);
  const [socket] = await connected;
  const [record] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  expect(await refused).toBe('ERR_SERPY_AUTH');

  const { suites, extensions } = readClientHello(record);
  const named: Record<string, string> = { '1301': 'TLS_AES_128_GCM_SHA256', '1303': 'TLS_CHACHA20_POLY1305_SHA256' };
  const offered = suites.filter((suite) => suite !== '00ff'); // signals secure renegotiation, which TLS 1.3 does not have
  expect(offered.map((suite) => `\`${named[suite]}\``).join(', ')).toBe(item('cipher suites'));
  expect(extensions.get(43)?.toString('hex')).toBe('020304'); // supported versions: TLS 1.3
  expect(extensions.get(45)?.toString('hex')).toBe('0101'); // psk_dhe_ke
  expect(item('key exchange mode')).toContain('`psk_dhe_ke` only');

  const psk = extensions.get(41) ?? Buffer.alloc(0);
  const identityBytes = psk.readUInt16BE(2);
  expect(item('identity')).toContain(`the 12 ASCII bytes \`${psk.toString('latin1', 4, 4 + identityBytes)}\``);
  expect(identityBytes).toBe(12);
  expect(psk.readUInt32BE(4 + identityBytes)).toBe(0); // obfuscated ticket age
  expect(psk.readUInt16BE(0)).toBe(2 + identityBytes + 4); // one identity
  expect(psk.readUInt8(4 + identityBytes + 4 + 2)).toBe(32); // a binder of SHA-256
  for (const excluded of [0, 16, 42]) expect(extensions.has(excluded)).toBe(false); // server name, ALPN, early data
});

/** LibreSSL, which macOS installs under the same name, supports no pre-shared keys. */
const version = spawnSync('openssl', ['version']).stdout?.toString() ?? '';
const hasOpenssl = /^OpenSSL (?:1\.1\.1|3\.)/.test(version);

test.skipIf(!hasOpenssl)('OpenSSL connects with the command of the page', async () => {
  const [, block = ''] = /```sh\nopenssl ([\s\S]*?)```/.exec(page) ?? [];
  const words = [...block.replaceAll('\\\n', ' ').matchAll(/"([^"]*)"|(\S+)/g)].map(
    ([, quoted, bare]) => quoted ?? bare ?? '',
  );
  const key = Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('hex');
  const { address, accepted, refused } = await listening({ key });
  const client = spawn(
    'openssl',
    words.map((word) => word.replace('127.0.0.1:5001', `127.0.0.1:${address.port}`)),
  );
  onTestFinished(async () => {
    client.kill();
    if (client.exitCode === null && client.signalCode === null) await once(client, 'exit');
  });
  client.stdin.write('hello');
  await waitFor(() => accepted.length === 1);
  const transport = accepted[0] as Transport;
  expect([transport.encrypted, transport.identity, refused]).toEqual([true, 'serpy client', []]);
  const { received } = hear(transport);
  await waitFor(() => received() === 'hello');
  transport.write(Buffer.from('answer'));
  transport.flush();
  const [answer] = await once(client.stdout, 'data');
  expect(String(answer)).toBe('answer');
});
