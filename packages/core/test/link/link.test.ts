/** A link with fakes on both sides: what it releases, reports and starts. */
import { expect, test } from 'vitest';
import { ProtocolError } from '../../src/errors.js';
import { Link } from '../../src/link/link.js';
import type { LinkEnd } from '../../src/link/link-end.js';
import type { LinkHost } from '../../src/link/link-host.js';
import type { InboundMessage, OutboundMessage } from '../../src/protocol/message.js';
import type { Session } from '../../src/protocol/session.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import type { Transport, TransportHandler } from '../../src/transport/transport.js';

class Stuck implements Transport {
  readonly remote = { host: '127.0.0.1', port: 1 };
  readonly local = { host: '127.0.0.1', port: 2 };
  readonly unsentBytes = 10;
  readonly flushedBytes = 0;
  readonly writable = false;
  destroyed = false;
  readonly #memory = Buffer.alloc(100);
  start(_handler: TransportHandler): void {}
  write(): void {}
  reserve() {
    return { buffer: this.#memory, offset: 0 };
  }
  flush(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {
    this.destroyed = true;
  }
}

const idle: Session<unknown, object, InboundMessage, OutboundMessage> = {
  canSend: true,
  deadlineMs: 5000,
  encode: () => ({ sizeBytes: 1, awaitsAck: false }),
  send: () => {},
  snapshot: () => {},
  cancelAck: () => {},
  linkUp: () => {},
  linkDown: () => {},
  receive: () => {},
  retainUnread: () => {},
  read: () => undefined,
  ended: () => undefined,
  tick: () => {},
};

const host: LinkHost = {
  queuedMessages: 0,
  nextQueued: () => undefined,
  drained: () => {},
  inbox: { full: false, hasRoom: true },
  settings: { writeTimeoutMs: 1000, frameTimeoutMs: 0 },
  closing: false,
  deliver: () => {},
  deliverHeld: () => {},
  bytesReceived: () => {},
  stepDone: () => {},
  linkEnding: () => {},
};

test('a released link no longer watches its transport', async () => {
  const clock = new ManualClock();
  const transport = new Stuck();
  const link = new Link(transport, idle, host, clock, { reconnects: false, linkEnded: () => {} });
  link.start();
  expect(clock.pending).toBe(2); // the session's deadline and the write stall timer
  link.release();
  expect(clock.pending).toBe(0);
  await clock.advance(10_000);
  expect(transport.destroyed).toBe(false);
});

test('a link on which the session cannot start ends with the error', async () => {
  const clock = new ManualClock();
  const transport = new Stuck();
  const ends: LinkEnd[] = [];
  const failing = {
    ...idle,
    linkUp: () => {
      throw new ProtocolError('it was never sent');
    },
  };
  const link = new Link(transport, failing, host, clock, { reconnects: false, linkEnded: (end) => ends.push(end) });
  link.start();
  expect(transport.destroyed).toBe(true);
  expect(ends).toMatchObject([{ reason: 'protocol', error: { message: 'it was never sent' } }]);
  expect(clock.pending).toBe(0);
});

test.each([
  ['without a session reports a reset by the peer', undefined, 'reset by the peer'],
  ['in a session ignores a reset: acknowledgements state what arrived', { flowControlled: true }, undefined],
])('a close %s', (_name, session, message) => {
  const ends: LinkEnd[] = [];
  const resumable = {
    ...session,
    writeClose: () => {},
    peerClose: undefined,
    allAcknowledged: true,
    hasPendingFrames: false,
  };
  const machine = { ...idle, ...(session && { resumable }) } as typeof idle;
  const link = new Link(new Stuck(), machine, host, new ManualClock(), {
    reconnects: false,
    linkEnded: (end) => ends.push(end),
  });
  link.start();
  link.end();
  link.closed(new Error('reset by the peer'));
  expect(ends.map(({ reason, error }) => [reason, error?.message])).toEqual([['local-close', message]]);
});
