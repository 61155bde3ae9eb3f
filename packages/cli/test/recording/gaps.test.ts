/** A recording over a connection that breaks: a resumed session loses nothing, and every other break is marked and reported as a gap. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectRaw, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, connect, listen, type Server } from 'serpy';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { readRecording } from '../../../serpy-recording/test/read.js';
import { Run, runToEnd } from '../run.js';

let place = '';

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-gaps-'));
});

afterEach(() => rmSync(place, { recursive: true }));

const linesOf = (folder: string) =>
  readFileSync(join(folder, 'index.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

const quickly = ['-o', 'reconnect.minDelayMs=0', '-o', 'reconnect.baseDelayMs=5', '-o', 'reconnect.maxDelayMs=20'];

/** An instrument that sends the numbers of a counter. The counter continues without clients. */
async function instrument(
  options: object = {},
): Promise<{ server: Server; count: (times: number) => Promise<void>; port: number }> {
  const server = (await listen({ protocol: 'v2', port: 0, closeTimeoutMs: 100, ...options })) as unknown as Server;
  onTestFinished(() => server.closeServer());
  let n = 0;
  const count = async (times: number) => {
    for (let each = 0; each < times; each++) {
      n++;
      for (const connection of server) void connection.sendData(n).catch(() => {});
      await new Promise(setImmediate);
    }
  };
  return { server, count, port: (server as unknown as { address: { port: number } }).address.port };
}

/** A cable that can be cut. */
async function cable(to: number): Promise<{ port: number; cut: () => void }> {
  const sockets = new Set<Socket>();
  const relay = createServer((near) => {
    const far = connectRaw(to, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one.on('error', () => {}).on('close', () => other.destroy()));
      one.pipe(other);
    }
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => relay.once('listening', resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  onTestFinished(() => {
    cut();
    relay.close();
  });
  return { port: (relay.address() as { port: number }).port, cut };
}

describe('a recording over a link that breaks', () => {
  test.each(['serpy', 'serpy2'])('has everything and no gap if the session is resumed, over %s://', async (scheme) => {
    const { server, count, port } = await instrument();
    const { port: through, cut } = await cable(port);
    const folder = join(place, 'run');
    const run = new Run(['record', `${scheme}://127.0.0.1:${through}`, folder, '--count', '40', ...quickly]);
    await run.until(/Ctrl-C stops it/);
    while (server.size === 0) await new Promise(setImmediate); // it counts in who has confirmed the session
    for (let round = 1; round <= 4; round++) {
      await count(10);
      if (round === 4) break;
      cut();
      await run.until(new RegExp(`(reconnected after[\\s\\S]*){${round}}`));
    }
    const { status, stderr } = await run.ended;
    expect([status, stderr]).toEqual([0, expect.stringMatching(/recorded 40 messages/)]);
    expect(stderr.match(/the connection is down, reconnecting/g)).toHaveLength(3);
    expect([...readRecording(folder)].map(({ value }) => value)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1));
    const events = linesOf(folder).filter(({ file }) => file === null);
    expect(events.map(({ type }) => type)).toEqual(['peer', 'reconnect', 'reconnect', 'reconnect', 'end']);
    expect(events[0]).toMatchObject({ protocol: 'v2', session: true, encrypted: false });
    expect(events.slice(1, 4).map(({ n }) => n)).toEqual([10, 20, 30]);
  });

  test('marks and reports each gap without a session, and replay skips them', async () => {
    const { count, port } = await instrument({ session: 'off' });
    const { port: through, cut } = await cable(port);
    const folder = join(place, 'run');
    const url = `serpy2://127.0.0.1:${through}?sessionTimeoutMs=20`;
    const run = new Run(['record', url, folder, ...quickly]);
    await run.until(/Ctrl-C stops it/);
    for (let round = 1; round <= 3; round++) {
      const before = recorded(folder);
      while (recorded(folder) === before) await count(1);
      if (round === 3) break;
      cut();
      await run.until(new RegExp(`(reconnected after[\\s\\S]*){${round}}`));
    }
    run.interrupt();
    const { status, stderr } = await run.ended;
    expect(status).toBe(1);
    expect(stderr.match(/the connection is down, reconnecting/g)).toHaveLength(2);
    expect(stderr).toMatch(/serpy: the recording has 2 gaps: [^\n]* index\.jsonl marks each gap\n$/);
    const lines = linesOf(folder);
    const gaps = lines.filter(({ type }) => type === 'gap');
    expect(gaps).toEqual(
      [1, 2].map(() => ({
        n: expect.any(Number),
        timeMs: expect.any(Number),
        wallMs: expect.any(Number),
        type: 'gap',
        downMs: expect.any(Number),
        file: null,
        chain: expect.any(String),
      })),
    );
    // Each stands before the message whose number it has.
    for (const [at, { type, n }] of lines.entries())
      if (type === 'gap') expect(lines[at + 1]).toMatchObject({ type: 'int', n });
    expect([...readRecording(folder)]).toHaveLength(recorded(folder));

    const reader = await listen({ protocol: 'v2', port: 0 });
    onTestFinished(() => reader.closeServer());
    reader.on('connection', async (connection) => {
      for await (const _ of connection);
    });
    const to = `serpy2://127.0.0.1:${reader.address.port}`;
    const replayed = await runToEnd(['replay', folder, to, '--connect', '--speed', 'max']);
    expect(replayed).toMatchObject({ status: 0, stderr: expect.stringContaining('the recording has 2 gaps: ') });
  });

  test('has a gap at its end if the connection does not come back', async () => {
    const { server, count, port } = await instrument();
    const folder = join(place, 'run');
    const run = new Run(['record', `serpy2://127.0.0.1:${port}`, folder]);
    await run.until(/Ctrl-C stops it/);
    while (recorded(folder) === 0) await count(1);
    for (const connection of server) connection.destroy();
    await run.until(/the connection is down/);
    await server.closeServer();
    run.interrupt();
    const { status, stderr } = await run.ended;
    expect([status, stderr]).toEqual([1, expect.stringMatching(/serpy: the recording has a gap: /)]);
    expect(linesOf(folder).at(-2)).toMatchObject({ type: 'gap', downMs: null });
    expect(linesOf(folder).at(-1)).toMatchObject({ type: 'end' });
  });

  test('of several instruments marks the broken connection', async () => {
    const folder = join(place, 'run');
    const run = new Run(['record', '--listen', 'serpy2://127.0.0.1:0', folder]);
    const [, port] = await run.until(/listening on 127\.0\.0\.1:(\d+)/);
    const broken = (await connect({
      protocol: 'v2',
      port: Number(port),
      session: 'require',
      autoRestart: true,
    })) as unknown as Connection;
    const good = await connect({ autoRestart: false, protocol: 'v2', port: Number(port), session: 'require' });
    await broken.sendData(1);
    await good.sendData(2);
    while (recorded(folder) < 2) await new Promise(setImmediate);
    const from = `127.0.0.1:${broken.local?.port}`;
    await good.close();
    broken.destroy();
    await run.until(/waiting for it/);
    run.interrupt();
    const { status } = await run.ended;
    expect(status).toBe(1);
    expect(linesOf(folder).filter(({ type }) => type === 'gap')).toEqual([
      expect.objectContaining({ type: 'gap', from, downMs: null }),
    ]);
  });
});

/** How many messages stand in the index by now; it may not be there yet. */
function recorded(folder: string): number {
  try {
    return linesOf(folder).filter(({ file }) => file !== null).length;
  } catch {
    return 0;
  }
}
