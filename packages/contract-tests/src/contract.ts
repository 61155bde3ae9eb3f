/**
 * The contract of every connection and server, for every protocol: run in memory, over TCP and over TLS.
 * It is not part of `serpy-core/testing`, because it needs vitest.
 */

import type { ProtocolTypes } from 'serpy-core';
import { afterEach, beforeEach, describe } from 'vitest';
import { acknowledgementStatements } from './acknowledgement.js';
import { broadcastStatements } from './broadcast.js';
import { closeStatements } from './close.js';
import { connectStatements } from './connect.js';
import { duplexStatements } from './duplex.js';
import { eventStatements } from './events.js';
import { exchangeStatements } from './exchange.js';
import { halfOpenStatements } from './half-open.js';
import { keepStatements } from './keep.js';
import { lifetimeStatements } from './lifetime.js';
import { liveDataStatements } from './live-data.js';
import { plainRequestStatements } from './plain-requests.js';
import { processExitStatement } from './process-exit.js';
import { receiveQueueStatements } from './receive-queue.js';
import { reconnectStatements } from './reconnect.js';
import { requestStatements } from './requests.js';
import { sendQueueStatements } from './send-queue.js';
import { serverStatements } from './server.js';
import { simulatingStatement } from './simulation.js';
import { type ProtocolUnderTest, TestBed, testBedSource, worlds } from './stage.js';
import { webStreamingStatements } from './web-streams.js';

export type { ProtocolUnderTest, Sample, ServerOptions } from './stage.js';

/** Runs the contract for one protocol. */
export function connectionContract<T extends ProtocolTypes>(name: string, subject: ProtocolUnderTest<T>): void {
  for (const world of worlds) {
    describe(`${name} over ${world.name}`, () => {
      let current: TestBed<T>;
      const stage = testBedSource(() => current, world.name !== 'memory');
      beforeEach(() => {
        current = new TestBed(subject, world.create());
      });
      afterEach(() => current.end());

      describe('connecting', () => connectStatements(stage));
      describe('exchange', () => exchangeStatements(stage));
      describe('sending', () => sendQueueStatements(stage));
      describe('receiving', () => receiveQueueStatements(stage));
      describe('live data', () => liveDataStatements(stage));
      describe('a Duplex', () => duplexStatements(stage));
      describe('web streams', () => webStreamingStatements(stage));
      describe('closing', () => closeStatements(stage));
      describe('reconnecting', () => reconnectStatements(stage));
      describe('a half-open link', () => halfOpenStatements(stage));
      describe('requests', () => requestStatements(stage));
      if (!subject.lasting) describe('requests without a session', () => plainRequestStatements(stage));
      describe('events', () => eventStatements(stage));
      describe('a server', () => serverStatements(stage));
      describe('broadcast', () => broadcastStatements(stage));
      describe('lifetime', () => lifetimeStatements(stage));
      describe('keeping the newest', () => keepStatements(stage));
      const { acknowledged } = subject;
      if (acknowledged) describe('acknowledgements', () => acknowledgementStatements(stage, acknowledged));
    });
  }
  describe(name, () => {
    processExitStatement(subject.module);
    simulatingStatement(subject);
  });
}

/** Statements about what any message can ask for, for a protocol that does not pass the whole contract. */
export function messageContract<T extends ProtocolTypes>(name: string, subject: ProtocolUnderTest<T>): void {
  for (const world of worlds) {
    describe(`${name} over ${world.name}`, () => {
      let current: TestBed<T>;
      const stage = testBedSource(() => current, world.name !== 'memory');
      beforeEach(() => {
        current = new TestBed(subject, world.create());
      });
      afterEach(() => current.end());

      describe('broadcast', () => broadcastStatements(stage));
      describe('lifetime', () => lifetimeStatements(stage));
      describe('keeping the newest', () => keepStatements(stage));
    });
  }
}
