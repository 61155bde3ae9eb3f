import { type ConnectOptions, connect, type ListenOptions } from 'serpy';
import { expect, test } from 'vitest';
import { receive } from '../../src/peers/receive.js';
import { Run } from '../run.js';

test('what had come and was not taken when it is stopped is not taken any more', async () => {
  const { context, ended } = new Run(['--version']);
  await ended;
  const stop = new AbortController();
  const taken: unknown[] = [];
  let listening = (_port: number) => {};
  const port = new Promise<number>((resolve) => {
    listening = resolve;
  });
  const options = { protocol: 'v2', port: 0 } as ConnectOptions & ListenOptions;
  const receiving = receive(context, {
    options,
    connect: false,
    stop: stop.signal,
    log: (line) => listening(Number(/listening on .*:(\d+)/.exec(line)?.[1])),
    async onMessage({ message, connection }) {
      taken.push(message.value);
      while (connection.stats().receiveQueueMessages < 2) await new Promise(setImmediate);
      stop.abort();
    },
  });
  const peer = await connect({ autoRestart: false, protocol: 'v2', port: await port });
  for (const value of [1, 2, 3]) await peer.sendData(value);
  await receiving;
  expect(taken).toEqual([1]);
  await peer.close();
});

test('an error of the callback stops it, and is reported', async () => {
  const run = new Run(['listen', '--port', '0', '--count', '3']);
  const [, port] = await run.until(/listening on 127\.0\.0\.1:(\d+)/);
  Object.assign(run.context.terminal, { print: () => Promise.reject(new Error('no paper left')) });
  const peer = await connect({ autoRestart: false, protocol: 'v2', port: Number(port) });
  await peer.sendData('hello');
  expect(await run.ended).toMatchObject({ status: 1, stderr: expect.stringContaining('serpy: no paper left\n') });
  await peer.close();
});
