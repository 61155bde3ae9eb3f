/** What a program learns of messages that may be lost with a link: once for each link that broke, and never of one that was closed. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { connect, listen } from 'serpy';
import { describe, expect, onTestFinished, test } from 'vitest';

/** The text `answer` as a frame of v2. */
const v2Answer = Buffer.from('decafecafe219002000006000000616e73776572', 'hex');

/** A connection to a bare socket, and its warnings. */
async function toSocket(protocol: 'v1' | 'v2') {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const connection = await connect({
    protocol,
    port: (server.address() as AddressInfo).port,
    autoRestart: false,
    ...(protocol === 'v2' && { session: 'off' }),
  } as never);
  onTestFinished(() => connection.destroy());
  const [socket] = await accepted;
  socket.on('error', () => {});
  const warnings: { code: string; message: string }[] = [];
  connection.on('warning', ({ code, message }) => warnings.push({ code, message }));
  const disconnected = once(connection, 'disconnect');
  return { connection, socket, warnings, disconnected };
}

describe.each(['v1', 'v2'] as const)('over %s without a session', (protocol) => {
  test('a link that is reset tells once how many messages may be lost, and what to do', async () => {
    const { connection, socket, warnings, disconnected } = await toSocket(protocol);
    for (let n = 0; n < 5; n++) await connection.sendData(`message ${n}`);
    await once(socket, 'data');
    socket.resetAndDestroy();
    expect(await disconnected).toMatchObject([{ reason: 'reset', unacknowledgedMessages: 5 }]);
    expect(warnings).toMatchObject([
      {
        code: 'ERR_SERPY_LOST',
        message: expect.stringMatching(/Up to 5 messages.*session: 'prefer'.*modes 1, 3 and 5/),
      },
    ]);
  });

  test('an answer to a request proves that the peer has read what was sent up to the request', async () => {
    const { connection, socket, warnings, disconnected } = await toSocket(protocol);
    for (let n = 0; n < 3; n++) await connection.sendData('before');
    const answer = (connection as unknown as { request(value: string): Promise<unknown> }).request('question');
    await connection.sendData('behind the question');
    await once(socket, 'data');
    socket.write(protocol === 'v1' ? 'answer\x1f' : v2Answer);
    await answer;
    await connection.sendData('after the answer');
    socket.resetAndDestroy();
    expect(await disconnected).toMatchObject([{ reason: 'reset', unacknowledgedMessages: 2 }]);
    expect(warnings).toMatchObject([{ code: 'ERR_SERPY_LOST' }]);
  });

  test('a link whose requests were all answered loses nothing', async () => {
    const { connection, socket, warnings, disconnected } = await toSocket(protocol);
    socket.on('data', () => socket.write(protocol === 'v1' ? 'answer\x1f' : v2Answer));
    for (let n = 0; n < 3; n++) {
      await (connection as unknown as { request(value: string): Promise<unknown> }).request(`question ${n}`);
    }
    socket.resetAndDestroy();
    expect(await disconnected).toMatchObject([{ unacknowledgedMessages: 0 }]);
    expect(warnings).toEqual([]);
  });

  test.each(['client', 'server'] as const)('a link that the %s closes tells nothing', async (side) => {
    const server = await listen({ protocol, port: 0 } as never);
    const client = await connect({
      protocol,
      port: (server as { address: { port: number } }).address.port,
      autoRestart: false,
      ...(protocol === 'v2' && { session: 'off' }),
    } as never);
    const accepted = await (server as unknown as { getConnection(): Promise<typeof client> }).getConnection();
    const warnings: unknown[] = [];
    const ends: { unacknowledgedMessages: number }[] = [];
    for (const each of [client, accepted]) {
      each.on('warning', (warning) => warnings.push(warning));
      each.on('disconnect', (end) => ends.push(end));
    }
    for (let n = 0; n < 3; n++) await client.sendData('there');
    for (let n = 0; n < 3; n++) await accepted.getData();
    await accepted.sendData('back');
    await client.getData();
    const [one, other] = side === 'client' ? [client, accepted] : [accepted, client];
    const closed = once(other, 'close');
    await one.close();
    await closed;
    await (server as { closeServer(): Promise<void> }).closeServer();
    expect(warnings).toEqual([]);
    expect(ends.map(({ unacknowledgedMessages }) => unacknowledgedMessages)).toEqual([0, 0]);
  });
});

test('in v1 an acknowledgement proves that the peer has read what went before it', async () => {
  const { connection, socket, warnings, disconnected } = await toSocket('v1');
  socket.on('data', (chunk) => {
    if (chunk.includes('SETMODE1')) socket.write('\x01ACKMODCG\x1f');
    if (chunk.includes('\x04')) socket.write('\x01ACKEOT!!\x1f');
  });
  for (let n = 0; n < 3; n++) await connection.sendData('not acknowledged');
  expect(await connection.sendData('acknowledged', { mode: 1 } as object)).toBe(true);
  for (let n = 0; n < 2; n++) await connection.sendData('not acknowledged');
  socket.resetAndDestroy();
  expect(await disconnected).toMatchObject([{ unacknowledgedMessages: 2 }]);
  expect(warnings).toMatchObject([{ code: 'ERR_SERPY_LOST' }]);
});

test('in a session a link that breaks tells of no loss, as there is none', async () => {
  const server = await listen({ protocol: 'v2', port: 0 });
  onTestFinished(() => server.closeServer());
  const client = await connect({ protocol: 'v2', port: server.address.port, session: 'require', autoRestart: true });
  onTestFinished(() => client.destroy());
  const warnings: unknown[] = [];
  client.on('warning', (warning) => warnings.push(warning));
  const accepted = await server.getConnection();
  await client.sendData('there');
  await accepted.getData();
  const disconnected = once(client, 'disconnect');
  accepted.destroy();
  expect(await disconnected).toMatchObject([{ unacknowledgedMessages: 0 }]);
  expect(warnings).toEqual([]);
});
