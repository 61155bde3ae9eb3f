/** What v1 alone has to do with streams: modes, acknowledgements, and the null of Python. */
import { once } from 'node:events';
import { MemoryNetwork } from 'serpy-core/testing';
import { Connection, Server } from 'serpy-v1';
import { afterEach, beforeEach, expect, test } from 'vitest';

let network: MemoryNetwork;
let client: Connection;
let accepted: Connection;
beforeEach(async () => {
  network = new MemoryNetwork();
  network.clock.runFreely();
  const server = await new Server({ port: 5000 }, network).start();
  client = await new Connection({}, network).connect('127.0.0.1', 5000);
  accepted = await server.getConnection();
  await server.close();
});
afterEach(() => {
  client.destroy();
  accepted.destroy();
  network.clock.stop();
});

test('a null fails a Duplex of data with a sentence, and passes one of messages and web streams', async () => {
  for (let time = 0; time < 3; time++) await client.sendData(null, { mode: 5 });
  const message = await accepted.toDuplex({ messages: true })[Symbol.asyncIterator]().next();
  expect(message.value).toEqual({ type: 'object', value: null, mode: 5 });
  expect(await accepted.toWeb().readable.getReader().read()).toEqual({ done: false, value: null });
  const duplex = accepted.toDuplex().resume();
  const [error] = await once(duplex, 'error');
  expect(error).toMatchObject({ code: 'ERR_SERPY_VALUE', message: expect.stringContaining('messages: true') });
  expect(accepted.state).toBe('closed');
});

test('the options of sendData go with each message, and a write waits for its acknowledgement', async () => {
  const duplex = client.toDuplex({ send: { mode: 3 } });
  const echo = accepted.toWeb({ messages: true });
  duplex.write('first');
  duplex.end('second');
  const received = [];
  for await (const { value, mode } of echo.readable) received.push([String(value), mode]);
  expect(received).toEqual([
    ['first', 3],
    ['second', 3],
  ]);
  expect(() => client.toDuplex({ send: { modus: 3 } as never })).toThrow('did you mean mode?');
});
