/**
 * The rules of Python peers: whatever a serpy program sends and whatever happens, no byte reaches a Python peer that it cannot
 * process. An addition to a protocol, such as HELLO in v2, is added to the models in v1.ts and v2.ts first.
 */

import { connect, listen } from 'serpy';
import { fc } from 'serpy-contract-tests/properties';
import * as v1 from 'serpy-v1';
import * as v2 from 'serpy-v2';
import { describe, expect, test } from 'vitest';
import { writePickle } from '../../packages/serpy-v1/src/pickle/index.js';
import { accepted, bytes, clientOptions, eventsOf, number, text, unsupported, weather } from './events.js';
import { type AnyConnection, type AnyServer, Life, type Outcome, type Subject, type Weather } from './life.js';
import { PythonV1Peer, PythonV2Peer } from './peers.js';

const seed = 20;
/** The long tests set a larger number in the environment. */
const lives = Number(process.env.TEST_LIVES ?? 400);

/** Runs lives with fast-check. The results are added up, so that empty lives are detected. */
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
  expect(heard, 'messages that Python peers have received').toBeGreaterThan(lives);
  expect(links, 'links to Python peers').toBeGreaterThan(1.1 * lives);
}

const value = fc.oneof(text, text, bytes, number, unsupported);
const plainSends = fc.record({ value, options: fc.constant({}) });
const encoding = fc.constantFrom('ascii' as const, 'latin1' as const, 'utf-8' as const);

describe('v1', () => {
  const mode = fc.constantFrom<v1.Mode[]>(0, 1, 2, 3, 4, 5);
  /** Some lives force modes, like relays: then unencoded bytes need not be text. */
  const cases = fc.record({ encoding, forced: fc.boolean() }).chain(({ encoding, forced }) =>
    fc.record({
      settings: fc.record({ encoding: fc.constant(encoding) }),
      forced: fc.constant(forced),
      accepted,
      clientOptions,
      events: eventsOf(
        fc.record({ value, options: fc.record({ mode, forceMode: forced ? fc.boolean() : fc.constant(false) }) }),
      ),
    }),
  );

  const subject = ({ settings, forced }: { settings: { encoding: v1.Encoding }; forced: boolean }): Subject => ({
    peer: (transport) => new PythonV1Peer(transport, forced ? {} : settings),
    heardOf: (value, options) => heardByV1(value, (options as { mode: number }).mode, settings.encoding),
  });

  test('a client never harms a Python server', async () => {
    await play(cases, subject, (life, { settings, accepted, clientOptions, events }) =>
      life.client(async (host, port) => {
        const client = new v1.Connection({ ...settings, ...accepted, ...clientOptions }, life.environment);
        return (await client.connect(host, port)) as unknown as AnyConnection;
      }, events),
    );
  });

  test('a server never harms a Python client', async () => {
    await play(cases, subject, (life, { settings, accepted, events }) =>
      life.server(async (port) => {
        const server = await new v1.Server({ port, ...settings, ...accepted }, life.environment).start();
        return server as unknown as AnyServer;
      }, events),
    );
  });
});

/** A client can request a session from a v2 server, in a frame that a Python peer drops. These first bytes identify it. */
const isHello = (payload: Buffer) => payload.toString('latin1', 0, 12) === 'serpy HELLO\n';
const sessionTimeoutMs = fc.constantFrom(50, 500);

describe('v2', () => {
  const cases = fc.record({ accepted, clientOptions, events: eventsOf(plainSends) });
  const subject = (): Subject => ({
    peer: (transport, _, now) => new PythonV2Peer(transport, {}, now),
    heardOf: heardByV2,
  });

  test('a client never harms a Python server', async () => {
    await play(cases, subject, (life, { accepted, clientOptions, events }) =>
      life.client(async (host, port) => {
        const client = new v2.Connection({ ...accepted, ...clientOptions }, life.environment);
        return (await client.connect(host, port)) as unknown as AnyConnection;
      }, events),
    );
  });

  test('a client that prefers a session requests it once, waits for the answer, and never harms a Python server', async () => {
    const sessionCases = fc.record({ sessionTimeoutMs, accepted, clientOptions, events: eventsOf(plainSends) });
    const peers: PythonV2Peer[] = [];
    const asked = ({ sessionTimeoutMs }: { sessionTimeoutMs: number }): Subject => ({
      peer: (transport, _, now) => {
        const peer = new PythonV2Peer(transport, { isHello, sessionTimeoutMs }, now);
        peers.push(peer);
        return peer;
      },
      heardOf: heardByV2,
    });
    await play(sessionCases, asked, (life, { sessionTimeoutMs, accepted, clientOptions, events }) =>
      life.client(async (host, port) => {
        const options = { session: 'prefer', sessionTimeoutMs, ...accepted, ...clientOptions } as const;
        const client = new v2.Connection(options, life.environment);
        return (await client.connect(host, port)) as unknown as AnyConnection;
      }, events),
    );
    // A client keeps the result for ten minutes, which is longer than any life.
    expect(peers.reduce((sum, { hellos }) => sum + hellos, 0)).toBe(lives);
  });

  test('a client that requires a session sends only the request to a Python server, and its connect rejects', async () => {
    const created = { peer: undefined as PythonV2Peer | undefined };
    const subject: Subject = {
      peer: (transport, _, now) => {
        created.peer = new PythonV2Peer(transport, { isHello, sessionTimeoutMs: Number.POSITIVE_INFINITY }, now);
        return created.peer;
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
    expect(created.peer).toMatchObject({ harm: undefined, heard: [], hellos: 1 });
  });

  test('a server never harms a Python client', async () => {
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
  /** Whether the Python server sends the first message. */
  const sendsFirst = fc.boolean();
  const cases = fc.record({
    settings: fc.record({ encoding, probeTimeoutMs, sessionTimeoutMs }),
    sendsFirst,
    accepted,
    clientOptions,
    events: eventsOf(plainSends, { withStalls: false }),
  });
  type Case = typeof cases extends fc.Arbitrary<infer Each> ? Each : never;

  const overV1 = ({ settings, sendsFirst }: Case): Subject => ({
    peer: (transport, from) => {
      const peer = new PythonV1Peer(transport, { encoding: settings.encoding, probe: from === 'client' });
      if (sendsFirst) peer.say(0);
      return peer;
    },
    heardOf: (value) => heardByV1(value, 0, settings.encoding),
  });
  const overV2 = ({ settings: { sessionTimeoutMs }, sendsFirst }: Case): Subject => ({
    peer: (transport, from, now) => {
      const ofClient = { probe: true, isHello, sessionTimeoutMs };
      const peer = new PythonV2Peer(transport, from === 'client' ? ofClient : {}, now);
      if (sendsFirst) peer.say(0);
      return peer;
    },
    heardOf: heardByV2,
  });

  test.each([
    ['v1', overV1],
    ['v2', overV2],
  ])('a client never harms a Python %s server, not even with its probe', async (_, subject) => {
    await play(cases, subject, (life, { settings, accepted, clientOptions, events }) =>
      life.client(async (host, port) => {
        const options = { protocol: 'auto', host, port, ...settings, ...accepted, ...clientOptions } as const;
        return (await connect(options, {}, life.environment)) as unknown as AnyConnection;
      }, events),
    );
  });

  test.each([
    ['v1', overV1],
    ['v2', overV2],
  ])('a server never harms a Python %s client', async (_, subject) => {
    await play(cases, subject, (life, { settings, accepted, events }) =>
      life.server(async (port) => {
        const server = await listen({ protocol: 'auto', port, ...settings, ...accepted }, life.environment);
        return server as unknown as AnyServer;
      }, events),
    );
  });
});

/** How a Python v1 peer receives a value; undefined for a value that cannot be sent. */
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
