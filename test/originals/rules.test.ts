/**
 * The rules of the original peers, frozen: whatever a program of ours sends and whatever happens, no byte that an original could not
 * take ever reaches one. What is added to a wire (v2's HELLO, say) is added to the models in v1.ts and v2.ts first.
 */
import fc from 'fast-check';
import { connect, listen } from 'serpy';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';
import { describe, expect, test } from 'vitest';
import { writePickle } from '../../packages/serpy-v1/src/pickle/index.js';
import { accepted, bytes, dialling, eventsOf, nonsense, number, text, weather } from './events.js';
import { type AnyConnection, type AnyServer, Life, type Outcome, type Subject, type Weather } from './life.js';
import { OriginalV1, OriginalV2 } from './peers.js';

const seed = 20;
/** The environment may ask for more, as the long tests do. */
const lives = Number(process.env.SERPY_LIVES ?? 400);

/** Plays lives until fast-check has seen enough; what they came to is added up, so that empty ones are noticed. */
async function play<Case>(
  cases: fc.Arbitrary<Case>,
  subject: (each: Case) => Subject,
  run: (life: Life, each: Case) => Promise<Outcome>,
): Promise<void> {
  let heard = 0;
  let links = 0;
  await fc.assert(
    fc.asyncProperty(cases, weather, async (each: Case, how: Weather) => {
      const outcome = await run(new Life(subject(each), how), each);
      heard += outcome.heard;
      links += outcome.links;
      expect(outcome.harms).toEqual([]);
    }),
    { seed, numRuns: lives },
  );
  expect(heard, 'messages that originals have heard').toBeGreaterThan(lives);
  expect(links, 'links to originals').toBeGreaterThan(1.1 * lives);
}

const value = fc.oneof(text, text, bytes, number, nonsense);
const plainSends = fc.record({ value, options: fc.constant({}) });
const encoding = fc.constantFrom('ascii' as const, 'latin1' as const, 'utf-8' as const);

describe('v1', () => {
  const mode = fc.constantFrom<v1.Mode[]>(0, 1, 2, 3, 4, 5);
  /** Some lives force modes, as relays do: then raw bytes need not be text. */
  const cases = fc.record({ encoding, forced: fc.boolean() }).chain(({ encoding, forced }) =>
    fc.record({
      settings: fc.record({ encoding: fc.constant(encoding) }),
      forced: fc.constant(forced),
      accepted,
      dialling,
      events: eventsOf(
        fc.record({ value, options: fc.record({ mode, forceMode: forced ? fc.boolean() : fc.constant(false) }) }),
      ),
    }),
  );

  const subject = ({ settings, forced }: { settings: { encoding: v1.Encoding }; forced: boolean }): Subject => ({
    original: (transport) => new OriginalV1(transport, forced ? {} : settings),
    heardOf: (value, options) => heardByV1(value, (options as { mode: number }).mode, settings.encoding),
  });

  test('a client never harms an original server', async () => {
    await play(cases, subject, (life, { settings, accepted, dialling, events }) =>
      life.client(async (host, port) => {
        const client = new v1.Connection({ ...settings, ...accepted, ...dialling }, life.environment);
        return (await client.connect(host, port)) as unknown as AnyConnection;
      }, events),
    );
  });

  test('a server never harms an original client', async () => {
    await play(cases, subject, (life, { settings, accepted, events }) =>
      life.server(async (port) => {
        const server = await new v1.Server({ port, ...settings, ...accepted }, life.environment).start();
        return server as unknown as AnyServer;
      }, events),
    );
  });
});

/** A client may ask a v2 server for a handshake, in a frame that an original drops; by these first bytes it is told from all others. */
const isHello = (payload: Buffer) => payload.toString('latin1', 0, 12) === 'serpy HELLO\n';
const sessionTimeoutMs = fc.constantFrom(50, 500);

describe('v2', () => {
  const cases = fc.record({ accepted, dialling, events: eventsOf(plainSends) });
  const subject = (): Subject => ({
    original: (transport, _, now) => new OriginalV2(transport, {}, now),
    heardOf: heardByV2,
  });

  test('a client never harms an original server', async () => {
    await play(cases, subject, (life, { accepted, dialling, events }) =>
      life.client(async (host, port) => {
        const client = new v2.Connection({ ...accepted, ...dialling }, life.environment);
        return (await client.connect(host, port)) as unknown as AnyConnection;
      }, events),
    );
  });

  test('a client that would rather have a handshake asks once, waits for the answer, and never harms an original server', async () => {
    const greeting = fc.record({ sessionTimeoutMs, accepted, dialling, events: eventsOf(plainSends) });
    const originals: OriginalV2[] = [];
    const asked = ({ sessionTimeoutMs }: { sessionTimeoutMs: number }): Subject => ({
      original: (transport, _, now) => {
        const original = new OriginalV2(transport, { isHello, sessionTimeoutMs }, now);
        originals.push(original);
        return original;
      },
      heardOf: heardByV2,
    });
    await play(greeting, asked, (life, { sessionTimeoutMs, accepted, dialling, events }) =>
      life.client(async (host, port) => {
        const options = { session: 'prefer', sessionTimeoutMs, ...accepted, ...dialling } as const;
        const client = new v2.Connection(options, life.environment);
        return (await client.connect(host, port)) as unknown as AnyConnection;
      }, events),
    );
    // What it found out holds for ten minutes, which is longer than any life.
    expect(originals.reduce((sum, { hellos }) => sum + hellos, 0)).toBe(lives);
  });

  test('a client that must have a handshake says nothing to an original server but that, and gives up', async () => {
    const original = { peer: undefined as OriginalV2 | undefined };
    const subject: Subject = {
      original: (transport, _, now) => {
        original.peer = new OriginalV2(transport, { isHello, sessionTimeoutMs: Number.POSITIVE_INFINITY }, now);
        return original.peer;
      },
      heardOf: heardByV2,
    };
    const life = new Life(subject, { seed, slicing: 'writes', pipeBytes: 1000 });
    const client = new v2.Connection({ session: 'require' }, life.environment);
    client.on('warning', () => {});
    const connecting = life.client(
      async (host, port) => (await client.connect(host, port)) as unknown as AnyConnection,
      [],
    );
    await expect(connecting).rejects.toMatchObject({ code: 'ERR_SERPY_CONNECT' });
    expect(original.peer).toMatchObject({ harm: undefined, heard: [], hellos: 1 });
  });

  test('a server never harms an original client', async () => {
    await play(cases, subject, (life, { accepted, events }) =>
      life.server(async (port) => {
        const server = await new v2.Server({ port, ...accepted }, life.environment).start();
        return server as unknown as AnyServer;
      }, events),
    );
  });
});

describe('auto', () => {
  const probeTimeoutMs = fc.constantFrom(50, 1_000);
  /** An original server that greets, or waits to be spoken to. */
  const greets = fc.boolean();
  const cases = fc.record({
    settings: fc.record({ encoding, probeTimeoutMs, sessionTimeoutMs }),
    greets,
    accepted,
    dialling,
    events: eventsOf(plainSends, { withStalls: false }),
  });
  type Case = typeof cases extends fc.Arbitrary<infer Each> ? Each : never;

  const overV1 = ({ settings, greets }: Case): Subject => ({
    original: (transport, from) => {
      const original = new OriginalV1(transport, { encoding: settings.encoding, probe: from === 'client' });
      if (greets) original.say(0);
      return original;
    },
    heardOf: (value) => heardByV1(value, 0, settings.encoding),
  });
  const overV2 = ({ settings: { sessionTimeoutMs }, greets }: Case): Subject => ({
    original: (transport, from, now) => {
      const ofClient = { probe: true, isHello, sessionTimeoutMs };
      const original = new OriginalV2(transport, from === 'client' ? ofClient : {}, now);
      if (greets) original.say(0);
      return original;
    },
    heardOf: heardByV2,
  });

  test.each([
    ['v1', overV1],
    ['v2', overV2],
  ])('a client never harms an original %s server, not even with its question', async (_, subject) => {
    await play(cases, subject, (life, { settings, accepted, dialling, events }) =>
      life.client(async (host, port) => {
        const options = { protocol: 'auto', host, port, ...settings, ...accepted, ...dialling } as const;
        return (await connect(options, {}, life.environment)) as unknown as AnyConnection;
      }, events),
    );
  });

  test.each([
    ['v1', overV1],
    ['v2', overV2],
  ])('a server never harms an original %s client', async (_, subject) => {
    await play(cases, subject, (life, { settings, accepted, events }) =>
      life.server(async (port) => {
        const server = await listen({ protocol: 'auto', port, ...settings, ...accepted }, life.environment);
        return server as unknown as AnyServer;
      }, events),
    );
  });
});

/** What an original v1 peer hears of a value, or undefined for what cannot be sent. */
function heardByV1(value: unknown, mode: number, encoding: v1.Encoding): string | undefined {
  const heard = v1Bytes(value, mode, encoding);
  return heard && `${mode < 4 ? 'data' : 'pickle'} ${heard.toString('hex')}`;
}

function v1Bytes(value: unknown, mode: number, encoding: v1.Encoding): Buffer | undefined {
  if (mode >= 4) {
    try {
      return Buffer.from(writePickle(value as never));
    } catch {
      return undefined;
    }
  }
  if (typeof value === 'string') return v1.encodeText(value, encoding);
  if (typeof value === 'number' || typeof value === 'bigint') return Buffer.from(v1.formatNumber(value));
  return value instanceof Uint8Array ? Buffer.from(value) : undefined;
}

function heardByV2(value: unknown): string | undefined {
  if (typeof value === 'string') return `str ${value}`;
  if (typeof value === 'bigint') return `int ${value}`;
  if (typeof value === 'number') {
    if (Object.is(value, -0)) return 'float -0';
    return Number.isSafeInteger(value) ? `int ${value}` : `float ${value}`;
  }
  return value instanceof Uint8Array ? `bytes ${Buffer.from(value).toString('hex')}` : undefined;
}
