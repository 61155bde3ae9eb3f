/** Only a server that answers the probe speaks v1. The error for another server names the protocol that it seems to speak. */
import type { SerpyErrorLike } from 'serpy-core';
import { MemoryNetwork } from 'serpy-core/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Connection, type ConnectOptions, connect, listen } from '../../src/index.js';
import { type Behaviour, scripted, silent, speaksV1, v1Answer } from '../scripted-server.js';

let network: MemoryNetwork;
beforeEach(() => {
  network = new MemoryNetwork();
});

/** What `connect` comes to, and when. */
async function connected(options: Partial<ConnectOptions> = {}, eachMs?: () => void) {
  const all = { protocol: 'auto', port: 5000, ...options } as ConnectOptions;
  let result: Connection | (Error & { code?: string }) | undefined;
  connect(all, {}, network).then(
    (connection) => {
      result = connection;
    },
    (error) => {
      result = error;
    },
  );
  for (await network.settled(); result === undefined && network.clock.now() < 60_000; ) {
    eachMs?.();
    await network.clock.advance(100);
  }
  return { result, afterMs: network.clock.now() };
}

describe('a client of auto refuses', () => {
  const answering =
    (text: string): Behaviour =>
    (link) =>
      link.say(text);

  test.each<[who: string, greets: string | undefined, behaviour: Behaviour, message: RegExp, withinMs: number]>([
    [
      'lines of text',
      '400 counts\n',
      silent,
      /looks like lines of text: it has sent "400 counts"\. Use lines:\/\/host:port/,
      1000,
    ],
    ['lines that end with CR LF', 'ready\r\n', silent, /lines of text: it has sent "ready"/, 1000],
    ['CSV', '1,2,3\n4,5,6\n', silent, /lines of text: it has sent "1,2,3"/, 1000],
    ['SCPI', undefined, answering('-113,"Undefined header"\n'), /SCPI commands: it has sent "-113/, 1000],
    ['a prompt', 'login: ', silent, /It sent "login: ", and did not answer/, 5000],
    ['binary', '\x02\x00\x07\xaa', silent, /did not answer as every v1 server does/, 5000],
    ['binary with a 1F in it', '\x02\x1f\x07\x1f', silent, /did not answer/, 5000],
    ['an unknown control command', '\x01NONSENSE\x1f', silent, /did not answer/, 0],
    ['an unexpected answer', '\x01ACKEOT!!\x1f', silent, /did not answer/, 0],
    ['an echo', undefined, (link, chunk) => link.say(chunk), /looks like an echo server/, 0],
    ['a web server', undefined, answering('HTTP/1.1 400 Bad Request\r\n\r\n'), /web server \(HTTP\)/, 0],
    ['SSH', 'SSH-2.0-OpenSSH_9.6\r\n', silent, /SSH server/, 0],
    ['TLS', undefined, answering('\x15\x03\x01\x00\x02\x02\x46'), /looks like TLS/, 0],
    ['telnet', '\xff\xfd\x18\xff\xfd\x20', silent, /looks like telnet/, 0],
  ])('%s', async (_, greets, behaviour, message, withinMs) => {
    await scripted(network, [behaviour], greets);
    const { result, afterMs } = await connected();
    expect(result).toMatchObject({
      code: 'ERR_SERPY_CONNECT',
      message: expect.stringMatching(message),
      cause: { code: 'ERR_SERPY_PROTOCOL' },
    });
    expect(afterMs).toBeLessThanOrEqual(withinMs + 100);
  });

  test('lines that come again and again', async () => {
    const links = await scripted(network, [silent]);
    const { result, afterMs } = await connected({}, () => links[0]?.say('400 counts\n'));
    expect(result).toMatchObject({ message: expect.stringContaining('lines of text') });
    expect(afterMs).toBeLessThanOrEqual(1100);
  });

  test('repeated blocks without an answer', async () => {
    const links = await scripted(network, [silent]);
    const { result, afterMs } = await connected({}, () => links[0]?.say('400 counts\x1f'));
    expect(result).toMatchObject({ message: expect.stringContaining('did not answer') });
    expect(afterMs).toBeLessThanOrEqual(5100);
  });

  test('a server that sends more than a message may have, and does not answer', async () => {
    const links = await scripted(network, [silent]);
    const { result } = await connected({ maxMessageBytes: 1000, modeChangeTimeoutMs: 0 }, () =>
      links[0]?.say('x'.repeat(9000)),
    );
    expect(result).toMatchObject({ message: expect.stringMatching(/It sent \d+ bytes/) });
    expect(links[0]?.over).toBe(true);
  });
});

describe('a v1 server that speaks before it answers the probe is one', () => {
  test.each([
    ['a text', 'welcome\x1f', ['welcome']],
    ['texts that hold lines', 'one\ntwo\n\x1fthree\n\x1f', ['one\ntwo\n', 'three\n']],
    ['bytes', '\x01SETMODE2\x1f00\x1f', [Buffer.of(0)]],
    ['nothing but ends of blocks', '\x1f\x1f', []],
  ])('with %s', async (_, greeting, expected) => {
    await scripted(network, [speaksV1], greeting);
    const { result } = await connected();
    const connection = result as Connection;
    expect(connection.peerProtocol).toBe('v1');
    for (const value of expected) expect((await connection.getMessage()).value).toEqual(value);
    expect(connection.stats().badFrames).toBe(0);
    connection.destroy();
  });

  test('however its bytes are cut', async () => {
    const bytes = `welcome\x1f\x01SETMODE1\x1f${v1Answer}again\x04\x1f`;
    for (let at = 1; at < bytes.length; at++) {
      network = new MemoryNetwork();
      const links = await scripted(network, [silent]);
      const connecting = connected();
      await network.settled();
      links[0]?.say(bytes.slice(0, at));
      await network.settled();
      links[0]?.say(bytes.slice(at));
      const connection = (await connecting).result as Connection;
      expect([connection.peerProtocol, (await connection.getMessage()).text()], `cut at ${at}`).toEqual([
        'v1',
        'welcome',
      ]);
      expect((await connection.getMessage()).text()).toBe('again');
      connection.destroy();
    }
  });

  test('with a large message that takes longer than an answer may', async () => {
    const links = await scripted(network, [silent]);
    let said = 0;
    const { result, afterMs } = await connected({}, () => {
      said++;
      if (said < 80) links[0]?.say('x'.repeat(1000));
      else if (said === 80) links[0]?.say(`\x1f${v1Answer}`);
    });
    const connection = result as Connection;
    expect(connection.peerProtocol).toBe('v1');
    expect((await connection.getMessage()).text()).toHaveLength(79_000);
    expect(afterMs).toBeGreaterThan(7000);
    connection.destroy();
  });
});

describe.each(['auto', 'v1'] as const)('a server of %s', (protocol) => {
  async function serve() {
    const server = await listen({ protocol, port: 5000 } as { protocol: 'auto'; port: number }, network);
    const { signal } = new AbortController();
    const socket = await network.dial({ host: '127.0.0.1', port: 5000, keepAliveMs: 0, signal, security: undefined });
    socket.start({ received: () => {}, drained: () => {}, ended: () => {}, closed: () => {} });
    const say = async (text: string) => {
      socket.write(Buffer.from(text, 'latin1'));
      socket.flush();
      await network.settled();
    };
    await network.clock.advance(100); // the timeout of its first bytes
    const accepted = await server.getConnection();
    const warnings: SerpyErrorLike[] = [];
    accepted.on('warning', (error) => warnings.push(error));
    return { server, socket, say, accepted, warnings };
  }

  test('names a client that sends lines, and ends its link', async () => {
    const { server, say, accepted, warnings } = await serve();
    for (let n = 0; n < 12; n++) {
      await say('400 counts\n');
      await network.clock.advance(100);
    }
    expect(warnings).toMatchObject([
      { code: 'ERR_SERPY_PROTOCOL', message: expect.stringMatching(/lines of text: it has sent "400 counts"/) },
    ]);
    expect(accepted.closeInfo).toMatchObject({ reason: 'protocol' });
    await server.closeServer();
  });

  test('takes a text of many lines that comes slowly', async () => {
    const { server, socket, say, accepted, warnings } = await serve();
    const text = 'a line of text\n'.repeat(40);
    for (let at = 0; at < text.length; at += 40) {
      await say(text.slice(at, at + 40));
      await network.clock.advance(300);
    }
    await say('\x1f');
    expect((await accepted.getMessage()).text()).toBe(text);
    expect(warnings).toEqual([]);
    socket.destroy();
    await server.closeServer();
  });
});
