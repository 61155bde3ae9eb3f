import { describe, expect, test } from 'vitest';
import { AuthenticationError, ConnectError } from '../../src/errors.js';
import type { ReconnectOptions } from '../../src/reconnect/backoff.js';
import { dial } from '../../src/reconnect/dial.js';
import { Reconnector } from '../../src/reconnect/reconnector.js';
import { securityOf } from '../../src/security/security.js';
import { generateKey } from '../../src/security/shared-key.js';
import { MemoryNetwork } from '../../src/testing/index.js';
import type { Dial, Transport } from '../../src/transport/transport.js';

const address = { host: '127.0.0.1', port: 5000 };
const settings = {
  connectTimeoutMs: 1000,
  keepAliveMs: 0,
  reconnect: {
    baseDelayMs: 100,
    maxDelayMs: 400,
    minDelayMs: 0,
    maxAttempts: Number.POSITIVE_INFINITY,
    resetAfterMs: 1000,
  },
};

/** A reconnector whose waits are half their bound, with a list of its events. */
function setUp(dial?: Dial, maxAttempts = Number.POSITIVE_INFINITY, more: Partial<ReconnectOptions> = {}) {
  const network = new MemoryNetwork();
  const events: string[] = [];
  const transports: Transport[] = [];
  const environment = { clock: network.clock, random: () => 0.5, listen: network.listen, dial: dial ?? network.dial };
  const reconnector = new Reconnector(
    environment,
    address,
    { ...settings, reconnect: { ...settings.reconnect, maxAttempts, ...more } },
    {
      retrying: (attempt, delayMs) => events.push(`${network.clock.now()}: wait ${delayMs} for ${attempt}`),
      connected: (transport, attempt) => {
        events.push(`${network.clock.now()}: up at ${attempt}`);
        transports.push(transport);
      },
      exhausted: (error) => events.push(`${network.clock.now()}: gave up (${error.code}, ${error.message})`),
    },
  );
  const listen = () => network.listen({ ...address, keepAliveMs: 0, accept: () => {}, failed: () => {} });
  return { network, clock: network.clock, events, transports, reconnector, listen };
}

/** Attempts without an answer, and their signals. */
function silent() {
  const signals: AbortSignal[] = [];
  const dial: Dial = ({ signal }) => {
    signals.push(signal);
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
  };
  return { dial, signals };
}

describe('a reconnector', () => {
  test('waits longer each time, and ends when a link is up', async () => {
    const { clock, events, reconnector, listen } = setUp();
    reconnector.next(1, undefined);
    await clock.advance(700);
    expect(events).toEqual([
      '0: wait 50 for 1',
      '50: wait 100 for 2',
      '150: wait 200 for 3',
      '350: wait 200 for 4',
      '550: wait 200 for 5',
    ]);
    await listen();
    await clock.advance(1000);
    expect(events.slice(5)).toEqual(['750: up at 5']);
    expect(clock.pending).toBe(0);
  });

  test.each([
    ['half a second where nothing is said', undefined, false, [550, 600, 700]],
    ['nothing in a session', undefined, true, [50, 100, 200]],
    ['minDelayMs where it is said', 400, false, [450, 500, 600]],
    ['minDelayMs where it is said, in a session too', 400, true, [450, 500, 600]],
  ])(
    'waits from the end of one attempt to the next, with the minimum before the random part, %s',
    async (_, minDelayMs, inSession, waits) => {
      const { reconnector, clock, events } = setUp(undefined, 3, { minDelayMs, maxDelayMs: 1000 });
      reconnector.inSession = inSession;
      reconnector.next(1, undefined);
      await clock.advance(2000);
      const [first = 0, second = 0, third] = waits;
      expect(events.slice(0, 3)).toEqual([
        `0: wait ${first} for 1`,
        `${first}: wait ${second} for 2`,
        `${first + second}: wait ${third} for 3`,
      ]);
    },
  );

  test('waits maxDelayMs after two consecutive authentication failures', async () => {
    const refused = new AuthenticationError('the server has a different key');
    const failures: Error[] = [refused, refused, refused, new ConnectError('no server'), refused, refused];
    const { clock, events, reconnector } = setUp(() => Promise.reject(failures.shift() ?? new ConnectError('over')), 7);
    reconnector.next(1, undefined);
    await clock.runAll();
    expect(events.slice(0, 7).map((line) => line.replace(/^\d+: /, ''))).toEqual([
      'wait 50 for 1',
      'wait 100 for 2', // refused once
      'wait 400 for 3',
      'wait 400 for 4',
      'wait 200 for 5', // half of the bound again: another error
      'wait 200 for 6',
      'wait 400 for 7',
    ]);
  });

  test('counts authentication failures over a link that ended with one', async () => {
    const refused = new AuthenticationError('the server rejected the certificate of this client');
    const { clock, events, reconnector, listen } = setUp();
    await listen();
    reconnector.next(1, refused);
    await clock.advance(100);
    reconnector.next(1, refused);
    expect(events).toEqual(['0: wait 50 for 1', '50: up at 1', '100: wait 400 for 1']);
    reconnector.stop();
  });

  test('ends after maxAttempts and keeps the cause', async () => {
    const { clock, events, reconnector } = setUp(undefined, 2);
    reconnector.next(1, undefined);
    await clock.runAll();
    expect(events.slice(2)).toEqual([
      '150: gave up (ERR_SERPY_CONNECT, gave up reconnecting to 127.0.0.1:5000 after 2 attempts (reconnect.maxAttempts). Last error: cannot connect to 127.0.0.1:5000: nothing listens there: is the program at the other end running, and is the port right? (ECONNREFUSED))',
    ]);
  });

  test('an attempt without an answer ends after connectTimeoutMs and counts', async () => {
    const { dial, signals } = silent();
    const { clock, events, reconnector } = setUp(dial);
    reconnector.next(1, undefined);
    await clock.advance(1150);
    expect(events).toEqual(['0: wait 50 for 1', '1050: wait 100 for 2']);
    expect(signals.map((signal) => signal.aborted)).toEqual([true, false]);
    reconnector.stop();
  });

  test('stop() during a wait leaves no timer and emits nothing more', async () => {
    const { clock, events, reconnector, listen } = setUp();
    await listen();
    reconnector.next(1, undefined);
    reconnector.stop();
    expect(clock.pending).toBe(0);
    await clock.advance(10_000);
    expect(events).toEqual(['0: wait 50 for 1']);
  });

  test('stop() during an attempt ends it and emits nothing more', async () => {
    const { dial, signals } = silent();
    const { clock, events, reconnector } = setUp(dial);
    reconnector.next(1, undefined);
    await clock.advance(60);
    reconnector.stop();
    await clock.advance(10_000);
    expect(signals[0]?.aborted).toBe(true);
    expect(events).toEqual(['0: wait 50 for 1']);
    expect(clock.pending).toBe(0);
  });

  test('stop() when the attempt succeeds destroys the link', async () => {
    const { network, clock, events, reconnector, listen } = setUp();
    await listen();
    reconnector.next(1, undefined);
    network.hold();
    await clock.advance(60);
    network.step();
    expect(network.links).toHaveLength(1);
    reconnector.stop(); // the attempt has its link, and the reconnector does not know it yet
    network.release();
    await network.settled();
    expect(events).toEqual(['0: wait 50 for 1']);
    expect(network.links[0]?.toServer.bytesInFlight ?? 0).toBe(0);
  });

  test('stop() in retrying() ends the series', async () => {
    const network = new MemoryNetwork();
    const reconnector: Reconnector = new Reconnector(network, address, settings, {
      retrying: () => reconnector.stop(),
      connected: () => {},
      exhausted: () => {},
    });
    reconnector.next(1, undefined);
    expect(network.clock.pending).toBe(0);
  });
});

describe('one attempt', () => {
  test('leaves no timer and no listener behind, however it ends', async () => {
    const network = new MemoryNetwork();
    let listeners = 0;
    const controller = new AbortController();
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    await expect(dial(network, address, settings, signal)).rejects.toMatchObject({ code: 'ERR_SERPY_CONNECT' });
    await network.listen({ ...address, keepAliveMs: 0, accept: () => {}, failed: () => {} });
    (await dial(network, address, settings, signal)).destroy();
    network.silence(address.port);
    const late = expect(dial(network, address, settings, signal)).rejects.toMatchObject({
      message: expect.stringContaining('did not answer within 1000 ms (connectTimeoutMs)'),
    });
    await network.clock.advance(1000);
    await late;
    const reason = new Error('enough');
    const aborted = expect(dial(network, address, settings, signal)).rejects.toBe(reason);
    controller.abort(reason);
    await aborted;
    expect(network.clock.pending).toBe(0);
    expect(listeners).toBe(0);
  });

  test('passes the security of the connection to the transport', async () => {
    const given: (string | undefined)[] = [];
    const refuse: Dial = ({ security }) => {
      given.push(security?.kind);
      return Promise.reject(new ConnectError('no server'));
    };
    const { clock, random, listen } = new MemoryNetwork();
    const { signal } = new AbortController();
    for (const options of [{}, { key: generateKey() }, { tls: true }]) {
      const security = securityOf(options);
      const attempt = dial({ clock, random, listen, dial: refuse }, address, { ...settings, security }, signal);
      await expect(attempt).rejects.toThrow('no server');
    }
    expect(given).toEqual([undefined, 'key', 'certificates']);
  });

  test('with an aborted signal does not connect', async () => {
    const network = new MemoryNetwork();
    await network.listen({ ...address, keepAliveMs: 0, accept: () => {}, failed: () => {} });
    const reason = new Error('enough');
    await expect(dial(network, address, settings, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(network.linkCount).toBe(0);
    expect(network.clock.pending).toBe(0);
  });
});
