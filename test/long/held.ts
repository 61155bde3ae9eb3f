/** Measures what a small message holds that is kept, what messages hold that wait beside damaged data, and how long sends take that nobody awaits. */
import { type Connection as V1Connection, Server as V1Server } from 'serpy-v1';
import { Connection, Server } from 'serpy-v2';
import { frame } from '../../packages/serpy-v2/test/oracle.js';
import { HostilePeer, quiet, weight } from '../memory/scales.js';
import type { Figure } from './figure.js';

const keptMessages = 2000;
const smallBytes = 31;
/** Twice the message and 256 bytes, and the object that describes it. */
const mostKeptBytes = 1024;

const waitingMessages = 1000;
/** The rule of docs/limits.md: the messages, 256 bytes for each, and 1 MiB. */
const mostWaitingBytes = waitingMessages * 257 + 2 ** 20;

const fewSends = 50_000;
/** Four times as many sends take about four times as long, and not sixteen times. */
const mostTimes = 9;

interface Stage {
  readonly accepted: Connection | V1Connection;
  readonly peer: HostilePeer;
  close(): Promise<void>;
}

async function stage(server: Server | V1Server): Promise<Stage> {
  await server.start();
  const peer = await HostilePeer.connect((server.address as { port: number }).port);
  const accepted = await server.getConnection();
  accepted.on('warning', () => {});
  peer.listener = accepted;
  const close = async () => {
    peer.socket.destroy();
    accepted.destroy();
    await server.closeServer();
  };
  return { accepted, peer, close };
}

/** The memory of a message of 31 bytes, which arrives with many other bytes. */
async function keptBytes(server: Server | V1Server, chunk: Buffer): Promise<number> {
  const { accepted, peer, close } = await stage(server);
  const kept: unknown[] = [];
  const receive = async (times: number) => {
    for (let n = 0; n < times; n++) {
      await peer.say(chunk);
      for (let first = true; accepted.isDataAvailable(); first = false) {
        const data = await accepted.getData();
        if (first) kept.push(data);
      }
    }
  };
  await receive(10);
  const before = await weight();
  await receive(keptMessages);
  const held = (await weight()) - before;
  await close();
  return held / (kept.length - 10);
}

export async function measureKept(): Promise<Figure> {
  const message = Buffer.alloc(smallBytes, 'a');
  const besides = Buffer.from(frame(0x81, Buffer.alloc(120 * 1024)));
  const v2 = await keptBytes(
    new Server({ port: 0, session: 'off' }),
    Buffer.from([...frame(0x81, message), ...besides]),
  );
  const v1 = await keptBytes(new V1Server({ port: 0 }), Buffer.concat([message, Buffer.alloc(64 * 1024, 0x1f)]));
  return {
    what: `memory of a kept message of ${smallBytes} bytes that arrived with many others: v2 and v1`,
    bound: `≤ ${mostKeptBytes} bytes`,
    measured: `${Math.round(v2)} and ${Math.round(v1)} bytes`,
    ok: Math.max(v1, v2) <= mostKeptBytes,
  };
}

export async function measureWaiting(): Promise<Figure> {
  const { accepted, peer, close } = await stage(new Server({ port: 0, session: 'off' }));
  const [message, damaged] = [Buffer.from(frame(0x81, [7])), Buffer.from(frame(0x81, Buffer.alloc(200 * 1024), 1))];
  const both = Buffer.concat([message, damaged]);
  await peer.say(both, 50); // warms up
  while (accepted.isDataAvailable()) await accepted.getData();
  const before = await weight();
  await peer.say(both, waitingMessages);
  await quiet(accepted);
  const { receiveQueueMessages } = accepted.stats();
  const held = (await weight()) - before;
  await close();
  return {
    what: `memory of ${waitingMessages.toLocaleString('en-US')} unread messages of 1 byte, with 200 KiB of damaged data after each`,
    bound: `≤ ${(mostWaitingBytes / 2 ** 20).toFixed(1)} MiB`,
    measured: `${(Math.max(held, 0) / 2 ** 20).toFixed(1)} MiB for ${receiveQueueMessages.toLocaleString('en-US')} messages`,
    ok: held <= mostWaitingBytes,
  };
}

async function unawaitedMs(sends: number): Promise<number> {
  const server = await new Server({ port: 0, session: 'off', keep: 'latest' }).start();
  const client = new Connection({ session: 'off' });
  await client.connect('127.0.0.1', server.address.port);
  const accepted = await server.getConnection();
  for (const each of [client, accepted]) each.on('warning', () => {});
  const text = 'x'.repeat(100);
  const startMs = performance.now();
  let last: Promise<boolean> | undefined;
  for (let n = 0; n < sends; n++) last = client.sendData(text);
  await last;
  const ms = performance.now() - startMs;
  client.destroy();
  await server.closeServer();
  return ms;
}

export async function measureUnawaited(): Promise<Figure> {
  await unawaitedMs(fewSends / 10); // warms up
  const few = await unawaitedMs(fewSends);
  const many = await unawaitedMs(4 * fewSends);
  const seconds = (ms: number) => (ms / 1000).toFixed(2);
  return {
    what: 'sends that are not awaited: time of 50,000 and of 200,000',
    bound: `at most ${mostTimes} times as long`,
    measured: `${seconds(few)} and ${seconds(many)} s`,
    ok: many <= mostTimes * few,
  };
}
