/** Statements about options, arguments and the first connection. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ConnectionOptions, ProtocolTypes } from 'serpy-core';
import { expect, test } from 'vitest';
import { type ServerOptions, type TestBedSource, waitFor } from './stage.js';

function optionError(...words: string[]) {
  const message = words.map((word) => expect.stringContaining(word));
  return expect.objectContaining({
    code: 'ERR_SERPY_OPTION',
    message: { asymmetricMatch: (text: string) => message.every((each) => each.asymmetricMatch(text)) },
  });
}

export function connectStatements<T extends ProtocolTypes>(stage: TestBedSource<T>): void {
  const value = () => stage().subject.numbered(1).value;

  stage.inMemory.each([
    [{ autoRestrat: true }, 'autoRestrat', 'autoRestart'],
    [{ auto_restart: true }, 'auto_restart', 'autoRestart'],
    [{ sendQueue: { maxMesages: 1 } }, 'sendQueue.maxMesages', 'sendQueue.maxMessages'],
    [{ reconnect: { baseDelay: 1 } }, 'reconnect.baseDelay', 'reconnect.baseDelayMs'],
    [{ connectTimeout: 1 }, 'connectTimeout', 'connectTimeoutMs'],
  ])('suggests the option nearest to an unknown one: %j', (options, given, meant) => {
    const create = () => stage().connection(options as ConnectionOptions);
    expect(create).toThrow(optionError(`${given}:`, `did you mean ${meant}?`));
  });

  stage.inMemory.each([
    [{ autoRestart: 'yes' }, 'autoRestart', 'true or false'],
    [{ connectTimeoutMs: '5' }, 'connectTimeoutMs', 'milliseconds'],
    [{ connectTimeoutMs: Number.NaN }, 'connectTimeoutMs', 'milliseconds'],
    [{ connectTimeoutMs: -1 }, 'connectTimeoutMs', 'milliseconds'],
    [{ connectTimeoutMs: 2 ** 31 }, 'connectTimeoutMs', 'milliseconds'],
    [{ maxMessageBytes: 1.5 }, 'maxMessageBytes', 'whole number'],
    [{ keepAliveMs: 32_767_001 }, 'keepAliveMs', '32767000'],
    [{ sendQueue: { whenFull: 'panic' } }, 'sendQueue.whenFull', "'block'"],
    [{ sendQueue: 5 }, 'sendQueue', 'object'],
    [{ receiveQueue: null }, 'receiveQueue', 'object'],
    [{ reconnect: { maxAttempts: 0 } }, 'reconnect.maxAttempts', 'Infinity'],
    [[], 'options', 'object'],
    ['utf-8', 'options', 'object'],
  ])('states what an option takes: %j', (options, name, takes) => {
    expect(() => stage().connection(options as ConnectionOptions)).toThrow(optionError(name, takes));
  });

  stage.inMemory.each(['127.0.0.1\0', 'a\0b', 'two words', 'line\n2'])(
    'a host that can be none is refused in a sentence: %j',
    async (host) => {
      const client = stage().connection();
      await expect(client.connect(host, 5000)).rejects.toThrow(optionError('host', 'IP address'));
      expect(client.state).toBe('idle');
    },
  );

  stage.inMemory('port 0, which is for listening, is refused in a sentence', async () => {
    const client = stage().connection();
    await expect(client.connect('127.0.0.1', 0)).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION' });
    expect(client.state).toBe('idle');
  });

  stage.inMemory('an option that is undefined counts as not given', () => {
    stage().connection({ autoRestart: undefined, sendQueue: { maxMessages: undefined }, reconnect: undefined });
  });

  stage.inMemory('a server takes no options of a client, and needs a port', () => {
    const clientOptions = { port: 0, autoRestart: true } as ServerOptions;
    expect(() => stage().server(clientOptions)).toThrow(optionError('autoRestart'));
    expect(() => stage().server({})).toThrow(optionError('port', 'missing'));
    expect(() => stage().server({ port: 65_536 })).toThrow(optionError('port', '65535'));
    expect(() => stage().server({ port: 0, maxConnections: 0 })).toThrow(optionError('maxConnections'));
    expect(() => stage().server({ port: 0, maxConections: 1 } as ServerOptions)).toThrow(
      optionError('maxConnections?'),
    );
  });

  stage.inMemory('unknown and wrong options of a call are refused, and nothing is sent or taken', async () => {
    const { client, accepted, server } = await stage().pair();
    const { value, data } = stage().subject.numbered(1);
    const wrong = [
      { options: { timeout: 5 }, words: ['timeout:', 'did you mean timeoutMs?'] },
      { options: { timeoutMs: '5' }, words: ['timeoutMs', 'milliseconds'] },
      { options: { timeoutMs: -1 }, words: ['timeoutMs', 'milliseconds'] },
      { options: { timeoutMs: Number.NaN }, words: ['timeoutMs', 'milliseconds'] },
      { options: { signal: {} }, words: ['signal', 'AbortSignal'] },
      { options: 5, words: ['object'] },
      { options: null, words: ['object'] },
    ];
    for (const { options, words } of wrong) {
      await expect(client.sendData(value, options as never)).rejects.toEqual(optionError(...words));
      await expect(accepted.getData(options as never)).rejects.toEqual(optionError(...words));
      await expect(accepted.getMessage(options as never)).rejects.toEqual(optionError(...words));
      await expect(server.getConnection(options as never)).rejects.toEqual(optionError(...words));
      await expect(
        stage()
          .connection()
          .connect('127.0.0.1', 1, options as never),
      ).rejects.toEqual(optionError(...words));
    }
    await client.sendData(value);
    expect(await accepted.getData()).toEqual(data);
  });

  stage.inMemory.each([
    ['', 5000, 'host'],
    [undefined, 5000, 'host'],
    [5000, '127.0.0.1', 'host'],
    ['127.0.0.1', '5000', 'port'],
    ['127.0.0.1', 70_000, 'port'],
    ['127.0.0.1', undefined, 'port'],
  ])('connect(%j, %j) names the wrong argument', async (host, port, name) => {
    const client = stage().connection();
    await expect(client.connect(host as string, port as number)).rejects.toEqual(optionError(name));
    expect(client.state).toBe('idle');
  });

  stage.inMemory('before connect nothing can be sent or taken, and the error says what to do', async () => {
    const client = stage().connection();
    const error = { code: 'ERR_SERPY_NOT_CONNECTED', message: expect.stringContaining('connect(host, port)') };
    await expect(client.sendData(value())).rejects.toMatchObject(error);
    await expect(client.getData()).rejects.toMatchObject(error);
    await expect(client.getMessage()).rejects.toMatchObject(error);
    expect([...client]).toEqual([]);
    expect(client.isConnected()).toBe(false);
    expect(client.remote).toBeUndefined();
    expect(client.stats()).toMatchObject({ messagesSent: 0, connectedMs: 0 });
  });

  test('connect resolves with the connection, which knows both addresses', async () => {
    const { server, address } = await stage().started();
    const client = stage().connection();
    expect(await client.connect(address.host, address.port)).toBe(client);
    const accepted = await server.getConnection();
    expect(client.remote).toEqual(address);
    expect(client.local).toEqual(accepted.remote);
    expect(accepted.local).toEqual(address);
  });

  test('a connection with a link knows whether it is encrypted', async () => {
    const { client, accepted } = await stage().pair();
    expect([client.encrypted, accepted.encrypted]).toEqual([stage().encrypted, stage().encrypted]);
    expect([client.identity, accepted.identity]).toEqual(
      stage().encrypted ? ['serpy server', 'serpy client'] : [undefined, undefined],
    );
    await client.close();
    expect([client.encrypted, client.identity]).toEqual([false, undefined]);
  });

  stage.inMemory('connect twice is rejected, and the connection continues to work', async () => {
    const { client, accepted, address } = await stage().pair();
    await expect(client.connect(address.host, address.port)).rejects.toEqual(optionError('new Connection'));
    await client.sendData(value());
    await accepted.getData();
  });

  stage.inMemory('connect during connect is rejected, and the first continues', async () => {
    const { address } = await stage().started();
    const client = stage().connection();
    const first = client.connect(address.host, address.port);
    await expect(client.connect(address.host, address.port)).rejects.toEqual(optionError('connecting'));
    expect(await first).toBe(client);
  });

  stage.inMemory('connect after close is refused', async () => {
    const { client, address } = await stage().pair();
    await client.close();
    await expect(client.connect(address.host, address.port)).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  });

  test('the error of a refused port explains it, and connect can be called again', async () => {
    const { host, port } = await stage().freeAddress();
    const client = stage().connection();
    await expect(client.connect(host, port)).rejects.toMatchObject({
      code: 'ERR_SERPY_CONNECT',
      message: `cannot connect to ${host}:${port}: nothing listens there: is the program at the other end running, and is the port right? (ECONNREFUSED)`,
      cause: { code: 'ECONNREFUSED' },
    });
    const { server } = await stage().started({ port });
    await client.connect(host, port);
    const accepted = await server.getConnection();
    await client.sendData(value());
    await accepted.getData();
  });

  stage.inMemory('connect with an aborted signal does not open a TCP connection', async () => {
    const { address } = await stage().started();
    const client = stage().connection();
    const reason = new Error('no time');
    await expect(
      client.connect(address.host, address.port, { signal: AbortSignal.abort(reason) }),
    ).rejects.toMatchObject({ code: 'ERR_SERPY_ABORTED', cause: reason });
    expect(client.state).toBe('idle');
    expect(stage().environment.attempts).toBe(0);
    await client.connect(address.host, address.port);
  });

  stage.inMemory('a signal ends connect, which can be called again', async () => {
    stage().network?.clock.stop();
    const client = stage().connection({}, stage().withUnansweredAttempts());
    const controller = new AbortController();
    const connecting = client.connect('127.0.0.1', 9, { signal: controller.signal });
    await nextTurn();
    controller.abort();
    await expect(connecting).rejects.toMatchObject({ code: 'ERR_SERPY_ABORTED' });
    expect(client.state).toBe('idle');
    expect(stage().environment.inUse).toEqual([]);
    const again = client.connect('127.0.0.1', 9, { timeoutMs: 5 });
    stage().letTimePass();
    await expect(again).rejects.toMatchObject({ code: 'ERR_SERPY_TIMEOUT' });
    expect(client.state).toBe('idle');
  });

  test('a signal that is aborted later does not affect the connection', async () => {
    const { address } = await stage().started();
    const controller = new AbortController();
    const client = await stage().connection().connect(address.host, address.port, { signal: controller.signal });
    controller.abort();
    await nextTurn();
    expect(client.isConnected()).toBe(true);
  });

  stage.inMemory('a connection attempt that no server answers ends after connectTimeoutMs', async () => {
    const client = stage().connection({ connectTimeoutMs: 20 }, stage().withUnansweredAttempts());
    await expect(client.connect('127.0.0.1', 9)).rejects.toMatchObject({
      code: 'ERR_SERPY_CONNECT',
      message: expect.stringContaining('20 ms (connectTimeoutMs)'),
    });
    expect(client.state).toBe('idle');
    expect(stage().environment.inUse).toEqual([]);
  });

  test('a signal that is aborted when the attempt succeeds leaves no link behind', async () => {
    const { server, address } = await stage().started();
    const controller = new AbortController();
    const { clock, random, listen, dial } = stage().environment;
    const client = stage().connection(
      {},
      {
        clock,
        random,
        listen,
        dial: async (options) => {
          const transport = await dial(options);
          controller.abort();
          return transport;
        },
      },
    );
    await expect(client.connect(address.host, address.port, { signal: controller.signal })).rejects.toMatchObject({
      code: 'ERR_SERPY_ABORTED',
    });
    expect(client.state).toBe('idle');
    await waitFor(() => server.size === 0);
  });
}
