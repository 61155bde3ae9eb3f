/** Requests over links that break at random bytes: each is executed once and answered once, whatever breaks. */
import { type MemoryLink, MemoryNetwork, seededRandom } from 'serpy-core/testing';
import { Connection, Server } from 'serpy-v2';
import { expect, test } from 'vitest';

const lives = Number(process.env.TEST_LIVES ?? 8);
const first = Number(process.env.TEST_SEED ?? 1);
const noTimeout = { timeoutMs: Number.POSITIVE_INFINITY };

/** @returns how many links there were */
async function live(seed: number): Promise<number> {
  const random = seededRandom(seed * 104_729 + 1);
  const slicing = (['random', 'writes', 7, 500] as const)[seed % 4] ?? 'random';
  const network = new MemoryNetwork({ seed, slicing, pipeBytes: seed % 3 === 0 ? 1000 : 65_536 });
  network.clock.runFreely();
  const session = { resumeWindowMs: 2_000_000_000, peerTimeoutMs: 0, pingIntervalMs: 0 };
  const queues = seed % 2 === 0 ? { receiveQueue: { maxMessages: 20 } } : {};
  const server = await new Server({ port: 5000, ...session, ...queues }, network).start();
  const client = new Connection(
    { session: 'require', autoRestart: true, reconnect: { baseDelayMs: 1, maxDelayMs: 5, minDelayMs: 0 }, ...session },
    network,
  );
  client.on('warning', () => {});
  await client.connect('127.0.0.1', 5000);
  const accepted = await server.getConnection();
  accepted.on('warning', () => {});
  const cut = new Set<MemoryLink>();
  let cutsLeft = 25;
  const breaking = setInterval(() => {
    const link = network.links.at(-1);
    if (link === undefined || cut.has(link) || cutsLeft === 0) return;
    cutsLeft--;
    cut.add(link);
    const pipe = random() < 0.5 ? link.toServer : link.toClient;
    pipe.cutAfter(pipe.carriedBytes + Math.floor(random() * 3000), 'reset');
  });

  const executed = { client: new Map<number, number>(), server: new Map<number, number>() };
  const handler = (map: Map<number, number>) => async (value: unknown) => {
    const n = Number.parseInt(String(value), 10);
    map.set(n, (map.get(n) ?? 0) + 1);
    for (let turns = n % 5; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
    if (n % 10 === 9) throw Object.assign(new Error(`refused ${n}`), { code: `E${n}` });
    return n % 7 === 0 ? Buffer.alloc(3000 + n, n) : `answer ${n}`;
  };
  client.onRequest(handler(executed.client));
  server.onRequest(handler(executed.server));
  const check = async (asker: Connection, n: number) => {
    const text = `${n} `.padEnd(n % 11 === 0 ? 5000 : 20, '.');
    const answer = await asker.request(text, noTimeout).catch((error) => error);
    if (n % 10 === 9) expect(answer).toMatchObject({ peerMessage: `refused ${n}`, peerCode: `E${n}` });
    else expect(answer).toEqual(n % 7 === 0 ? Buffer.alloc(3000 + n, n) : `answer ${n}`);
  };
  const messages: unknown[] = [];
  const reading = (async () => {
    for await (const data of accepted) messages.push(data);
  })();
  const asked: Promise<void>[] = [];
  for (let n = 0; n < 150; n++) {
    asked.push(check(client, n), check(accepted, n));
    void client.sendData(`message ${n}`);
    if (random() < 0.2) await new Promise((resolve) => setImmediate(resolve));
  }
  try {
    await Promise.all(asked);
    await client.sendData('the end', { acknowledge: 'consumed' });
    expect(messages).toEqual([...Array.from({ length: 150 }, (_, n) => `message ${n}`), 'the end']);
    for (const map of [executed.client, executed.server]) {
      expect([...map.values()].every((count) => count === 1)).toBe(true);
      expect(map.size).toBe(150);
    }
  } finally {
    clearInterval(breaking);
    client.destroy();
    accepted.destroy();
    await server.closeServer();
    await reading;
    network.clock.stop();
  }
  return network.linkCount;
}

test('a request is executed once and answered once, in both directions, whatever breaks', async () => {
  let links = 0;
  for (let seed = first; seed < first + lives; seed++) {
    try {
      links += await live(seed);
    } catch (error) {
      throw new Error(`seed ${seed}: TEST_LIVES=1 TEST_SEED=${seed} npx vitest run request-lives`, { cause: error });
    }
  }
  if (lives > 10) expect(links).toBeGreaterThan(3 * lives);
}, 300_000);
