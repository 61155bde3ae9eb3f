/** A program and an instrument that speaks lines, over a network in memory: what a program sees of odd and broken instruments. */
import { once } from 'node:events';
import { MemoryNetwork } from 'serpy-core/testing';
import { Connection, type ConnectionOptions, type SerpyError } from 'serpy-lines';
import { afterEach, beforeEach, expect, test } from 'vitest';

let network: MemoryNetwork;
let client: Connection;
beforeEach(() => {
  network = new MemoryNetwork();
  network.clock.runFreely();
});
afterEach(() => {
  client.destroy();
  network.clock.stop();
});

/** An instrument that answers each chunk with these bytes, and then, where it says so, ends the connection. */
async function instrument(answer: string, ends: boolean, options: ConnectionOptions = {}): Promise<SerpyError[]> {
  const listener = await network.listen({
    host: '127.0.0.1',
    port: 5025,
    keepAliveMs: 0,
    failed: () => {},
    accept: (transport) =>
      transport.start({
        received: () => {
          transport.write(Buffer.from(answer, 'latin1'));
          transport.flush();
          if (ends) transport.end();
        },
        drained: () => {},
        ended: () => transport.end(),
        closed: () => listener.close(),
      }),
  });
  const warnings: SerpyError[] = [];
  client = new Connection(options, network);
  client.on('warning', (error) => warnings.push(error as SerpyError));
  await client.connect('127.0.0.1', 5025);
  return warnings;
}

test('answers with \\r\\n are read by default', async () => {
  await instrument('ACME,1\r\n', false);
  await client.sendData('*IDN?');
  expect(await client.getData()).toBe('ACME,1');
  await client.close();
  expect(client.closeInfo).toMatchObject({ reason: 'local-close', error: undefined });
});

test('a line in another encoding is delivered, counted and reported by a warning', async () => {
  const warnings = await instrument('20 \xb5s\n', false);
  await client.sendData('EXP?');
  expect(await client.getMessage()).toEqual({ type: 'text', value: '20 \ufffds' });
  expect(warnings).toMatchObject([{ code: 'ERR_SERPY_ENCODING', position: 3 }]);
  expect(client.stats().badFrames).toBe(1);
});

test('an answer without the terminator is reported when the instrument ends the connection', async () => {
  await instrument('+1.0E-9\r', true);
  await client.sendData('READ?');
  await once(client, 'close');
  expect(client.closeInfo).toMatchObject({ reason: 'peer-closed', error: { code: 'ERR_SERPY_TRUNCATED' } });
});

test('a prompt without a terminator ends the connection after frameTimeoutMs, and not with 0', async () => {
  await instrument('1.5\n> ', false);
  await client.sendData('READ?');
  expect(await client.getData()).toBe('1.5');
  await once(client, 'close');
  expect(client.closeInfo).toMatchObject({ reason: 'timeout' });
  await instrument('1.5\n> ', false, { frameTimeoutMs: 0 });
  await client.sendData('READ?');
  expect(await client.getData()).toBe('1.5');
  await client.sendData('READ?');
  expect(await client.getData()).toBe('> 1.5');
  expect(client.state).toBe('connected');
});

test('a prompt can be part of the terminator', async () => {
  await instrument('1.5\r\n> ', false, { terminator: '\r\n> ' });
  await client.sendData('READ?');
  expect(await client.getData()).toBe('1.5');
});

test('sendStream is refused with what to do', async () => {
  await instrument('', false);
  await expect(client.sendStream([Buffer.alloc(10)])).rejects.toMatchObject({
    code: 'ERR_SERPY_OPTION',
    message: expect.stringContaining('a stream needs a session'),
  });
  await expect(client.sendData('*RST', { acknowledge: 'received' } as never)).rejects.toMatchObject({
    code: 'ERR_SERPY_OPTION',
  });
});
