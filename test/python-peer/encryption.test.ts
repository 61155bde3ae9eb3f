/** examples/python/serpy_session.py with keys and certificates. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { connect, listen } from 'serpy';
import { afterEach, describe, expect, test } from 'vitest';
import { makeCertificate } from '../../packages/core/test/transport/certificates.js';
import { titled } from '../interop/python-peer.js';
import { killPrograms } from '../program.js';
import { python, pythons, titleOf, withKeys } from './peer.js';

afterEach(killPrograms);

const failing =
  'try:\n    c = Connection("127.0.0.1", int(sys.argv[1]), timeout=20, %)\nexcept AuthError as error:\n    print(error)';

describe('a key', () => {
  const key = randomBytes(32).toString('base64url');
  const title = (text: string) => titled(text, !!withKeys, 'Python 3.13');

  test.skipIf(!withKeys)(title('encrypts a session with Python as a client'), async () => {
    const ours = await listen({ protocol: 'v2', port: 0, key });
    const code = `c = Connection("127.0.0.1", int(sys.argv[1]), key=sys.argv[2])\nprint(c.encrypted, c.inSession)\nc.sendData(bytes(3000000))\nc.close()`;
    const program = python(code, [ours.address.port, key], withKeys);
    const connection = await ours.getConnection();
    expect([connection.encrypted, ((await connection.getData()) as Buffer).length]).toEqual([true, 3_000_000]);
    expect(await program.ended).toEqual({ status: 0, stdout: 'True True\n', stderr: '' });
    await ours.closeServer();
  });

  test.skipIf(!withKeys)(title('encrypts a session with Python as a server'), { timeout: 60_000 }, async () => {
    const code = `s = Server("127.0.0.1", 0, key=sys.argv[1]).start()\nprint("port", s.port)\nfor c in s:\n    print(c.encrypted, len(c.getData(20)))`;
    const program = python(code, [key], withKeys);
    const [, port] = await program.until(/port (\d+)\n/);
    const connection = await connect({ protocol: 'v2', port: Number(port), key });
    await connection.sendData(Buffer.alloc(3_000_000), { acknowledge: 'consumed' });
    await program.until(/True 3000000\n/);
    await connection.close();
    const other = { protocol: 'v2', port: Number(port), key: randomBytes(32).toString('hex') } as const;
    await expect(connect({ ...other, autoRestart: false })).rejects.toMatchObject({ code: 'ERR_SERPY_AUTH' });
  });

  test.skipIf(!withKeys)(title('that differs is one clear exception'), async () => {
    const ours = await listen({ protocol: 'v2', port: 0, key });
    ours.on('warning', () => {});
    const program = python(failing.replace('%', 'key=sys.argv[2]'), [ours.address.port, '00'.repeat(32)], withKeys);
    expect(await program.ended).toMatchObject({ status: 0, stdout: expect.stringContaining('compare their keys') });
    await ours.closeServer();
  });

  test.skipIf(!withKeys)(title('is not proved by a certificate'), async () => {
    const { cert, key: privateKey } = makeCertificate();
    const impostor = createServer({ cert, key: privateKey }, (socket) => socket.on('error', () => {}).resume());
    impostor.on('tlsClientError', () => {}).listen(0, '127.0.0.1');
    await once(impostor, 'listening');
    const { port } = impostor.address() as AddressInfo;
    const program = python(failing.replace('%', 'key=sys.argv[2]'), [port, key], withKeys);
    expect(await program.ended).toMatchObject({ status: 0, stdout: expect.stringContaining('certificate') });
    impostor.close();
  });
});

describe('certificates', () => {
  const authority = makeCertificate({ name: 'lab', authority: true });
  const mine = makeCertificate({ issuer: authority });
  const context = `context = ssl.create_default_context(cadata=sys.argv[2])\ncontext.check_hostname = False\ncontext.verify_flags &= ~ssl.VERIFY_X509_STRICT\n`;
  const each = pythons.map((by) => [titleOf(by), by] as const);

  test.each(each)('encrypt a session with %s', { timeout: 60_000 }, async (_, by) => {
    const ours = await listen({ protocol: 'v2', port: 0, tls: { cert: mine.cert, key: mine.key } });
    const code = `import ssl\n${context}c = Connection("127.0.0.1", int(sys.argv[1]), tls=context, session="require")\nprint(c.encrypted)\nc.sendData(bytes(3000000), acknowledge="received")\nc.close()`;
    const program = python(code, [ours.address.port, authority.cert], by);
    const connection = await ours.getConnection();
    expect([connection.encrypted, ((await connection.getData()) as Buffer).length]).toEqual([true, 3_000_000]);
    expect(await program.ended).toEqual({ status: 0, stdout: 'True\n', stderr: '' });
    await ours.closeServer();
  });

  test.each(each)('of another authority are one clear exception of %s', { timeout: 60_000 }, async (_, by) => {
    const ours = await listen({ protocol: 'v2', port: 0, tls: { cert: mine.cert, key: mine.key } });
    ours.on('warning', () => {});
    const other = makeCertificate({ name: 'other', authority: true });
    const program = python(
      `import ssl\n${context}${failing.replace('%', 'tls=context')}`,
      [ours.address.port, other.cert],
      by,
    );
    expect(await program.ended).toMatchObject({ status: 0, stdout: expect.stringContaining('certificate') });
    await ours.closeServer();
  });
});
