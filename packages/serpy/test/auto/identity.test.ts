/** A session belongs to who has proved to be the one that began it: whoever else knows its secret does not go on with it. */
import { once } from 'node:events';
import { connect, listen, type PortableConnection } from 'serpy';
import { waitFor } from 'serpy-contract-tests/stage';
import { type Environment, systemEnvironment, type Transport } from 'serpy-core';
import { expect, onTestFinished, test } from 'vitest';
import { makeCertificate } from '../../../core/test/transport/certificates.js';

const authority = makeCertificate({ name: 'lab authority', authority: true });

function member(name = '127.0.0.1') {
  const { cert, key } = makeCertificate({ name, issuer: authority });
  return { cert, key, ca: authority.cert };
}

const reconnect = { minDelayMs: 0, baseDelayMs: 1, maxDelayMs: 1 };

/** A client of a session whose link breaks and that connects again, with a certificate of its own or, with the whole session in its hands, with another's. */
async function comeBack(first: object, second: object) {
  const server = await listen({ protocol: 'v2', port: 0, tls: { ...member(), requestCert: true } });
  const links: Transport[] = [];
  const environment: Environment = {
    ...systemEnvironment,
    dial: async (options) => {
      const tls = links.length === 0 ? first : second;
      const transport = await systemEnvironment.dial({ ...options, security: { kind: 'certificates', tls } });
      links.push(transport);
      return transport;
    },
  };
  const accepted: PortableConnection[] = [];
  server.on('connection', (connection: PortableConnection) => {
    connection.on('warning', () => {});
    accepted.push(connection);
  });
  const { port } = server.address;
  const client = await connect({ protocol: 'v2', port, tls: first, autoRestart: true, reconnect }, {}, environment);
  onTestFinished(async () => {
    client.destroy();
    for (const connection of accepted) connection.destroy();
    await server.closeServer();
  });
  client.on('warning', () => {});
  await client.sendData('before');
  await waitFor(() => accepted.length === 1);
  expect(await accepted[0]?.getData()).toBe('before');
  const back = once(client, 'reconnect');
  links[0]?.destroy();
  await back;
  await client.sendData('after');
  return { accepted };
}

test('a client with the same certificate resumes the session', async () => {
  const own = member();
  const { accepted } = await comeBack(own, own);
  expect(await accepted[0]?.getData({ timeoutMs: 5000 })).toBe('after');
  expect(accepted).toHaveLength(1);
});

test.each([
  ['another certificate of the same authority', member('somebody else')],
  ['another certificate with the same name', member()],
])('who shows %s does not: it gets a new one, and the first waits for its own client', async (_, other) => {
  const { accepted } = await comeBack(member(), other);
  await waitFor(() => accepted.length === 2);
  expect(await accepted[1]?.getData({ timeoutMs: 5000 })).toBe('after');
  expect([accepted[0]?.state, accepted[0]?.isDataAvailable()]).toEqual(['reconnecting', false]);
  expect(accepted[1]?.identity).not.toBe(accepted[0]?.identity);
});
