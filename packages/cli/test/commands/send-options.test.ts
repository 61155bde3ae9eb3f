/** `serpy send --json` and `--expires`. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { type ListenOptions, listen } from 'serpy';
import { afterEach, describe, expect, test } from 'vitest';
import { Run, runToEnd } from '../run.js';

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

/** A server that keeps what arrives. */
async function receiving(protocol: string) {
  const server = await listen({ protocol, port: 0, closeTimeoutMs: 100 } as ListenOptions);
  ended.push(() => server.closeServer());
  const messages: unknown[] = [];
  const texts: string[] = [];
  server.on('connection', async (client) => {
    for await (const message of client.messages()) {
      texts.push(message.text());
      messages.push(message.json());
    }
  });
  return {
    url: `serpy${protocol === 'auto' ? '' : protocol.slice(1)}://127.0.0.1:${server.address.port}`,
    messages,
    texts,
  };
}

describe('--json', () => {
  test.each(['v1', 'v2', 'auto'])('%s: each value arrives as JSON on one line of ASCII', async (protocol) => {
    const { url, messages, texts } = await receiving(protocol);
    const values = ['{"gain": 3, "name": "µm \u{1f52c}"}', '[1,\n2]', '"text"', 'null', '-0.0', ' true '];
    const { status, stderr } = await runToEnd(['send', url, '--json', '--', ...values]);
    expect([status, stderr]).toEqual([0, expect.stringContaining('sent 6 messages')]);
    expect(messages).toEqual([{ gain: 3, name: 'µm \u{1f52c}' }, [1, 2], 'text', null, -0, true]);
    for (const text of texts) expect(text).toMatch(/^[\x20-\x7e]+$/);
  });

  test('no digit of a number is lost', async () => {
    const { url, texts } = await receiving('v2');
    await runToEnd(['send', url, '--json', '{"id": 12345678901234567890, "x": 0.10000000000000000001}']);
    expect(texts).toEqual(['{"id": 12345678901234567890, "x": 0.10000000000000000001}']);
  });

  test('lines of stdin are JSON, and empty ones are skipped; what comes before a fault is delivered', async () => {
    const { url, messages } = await receiving('v2');
    const input = '{"n": 1}\n\n{"n": 2}\n{n: 3}\n{"n": 4}\n';
    const { status, stderr } = await runToEnd(['send', url, '--json', '-'], { input });
    expect([status, stderr]).toEqual([
      2,
      expect.stringMatching(/--json takes JSON, not '\{n: 3\}'.*before it, 2 messages/s),
    ]);
    expect(messages).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test.each([
    [['{gain: 3}'], /--json takes JSON, not '\{gain: 3\}'/],
    [['NaN'], /--json takes JSON, not 'NaN'/],
    [[''], /--json takes JSON, not ''/],
    [['\x1b[2J'], /not '\\u001b\[2J'/],
    [['1', '--number'], /--json and --number exclude each other/],
    [['--binary'], /--json and --binary exclude each other/],
  ])('%j is refused before anything is sent', async (args, message) => {
    const { status, stderr } = await runToEnd(['send', 'serpy2://127.0.0.1:1', '--json', ...args]);
    expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});

/** A server that reads nothing for some time. */
async function slow(pauseMs: number): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    setTimeout(() => socket.resume(), pauseMs);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ended.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

describe('--expires', () => {
  test('messages that a peer reads in time are all sent', async () => {
    const { url, messages } = await receiving('v2');
    const { status, stderr } = await runToEnd(['send', url, '1', '2', '--expires', '5s']);
    expect([status, stderr]).toEqual([0, expect.stringContaining('sent 2 messages')]);
    expect(stderr).not.toContain('dropped');
    expect(messages).toEqual([1, 2]);
  });

  test('what a peer does not read in time is dropped, counted and reported', async () => {
    const port = await slow(1000);
    const big = 'x'.repeat(8_000_000);
    const run = new Run(
      ['send', `serpy2://127.0.0.1:${port}?session=off`, '--no-ack', '--expires', '200ms', '--timeout', '10s', '-'],
      { input: `${Array.from({ length: 6 }, () => big).join('\n')}\n` },
    );
    const { status, stderr } = await run.ended;
    expect(stderr).toMatch(/dropped [1-5] messages?: the peer read too slowly, and a message expires after 0\.2 s/);
    expect([status, stderr]).toEqual([0, expect.stringMatching(/sent [1-5] messages?, .*not confirmed/)]);
  });

  test('a wrong time is a usage error', async () => {
    const { status, stderr } = await runToEnd(['send', 'x', '--expires', 'soon']);
    expect([status, stderr]).toEqual([2, expect.stringContaining('--expires')]);
  });
});
