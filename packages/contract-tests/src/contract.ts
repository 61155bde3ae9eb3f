/**
 * What every connection and server must do, whichever protocol it speaks: played in memory and over TCP.
 * Not part of `serpy-core/testing`, as it needs vitest.
 */

import type { ProtocolTypes } from 'serpy-core';
import { afterEach, beforeEach, describe } from 'vitest';
import { acknowledgingStatements } from './acknowledgement.js';
import { closingStatements } from './close.js';
import { connectingStatements } from './connect.js';
import { streamingStatements } from './duplex.js';
import { tellingStatements } from './events.js';
import { exchangeStatements } from './exchange.js';
import { dyingStatements } from './half-open.js';
import { liveStatements } from './live-data.js';
import { leavingStatement } from './process-exit.js';
import { receivingStatements } from './receive-queue.js';
import { restartingStatements } from './reconnect.js';
import { sendingStatements } from './send-queue.js';
import { servingStatements } from './server.js';
import { simulatingStatement } from './simulation.js';
import { Stage, type Subject, worlds } from './stage.js';
import { webStreamingStatements } from './web-streams.js';

export type { Sample, ServerOptions, Subject } from './stage.js';

/** Runs the contract for one protocol. */
export function connectionContract<T extends ProtocolTypes>(name: string, subject: Subject<T>): void {
  for (const world of worlds) {
    describe(`${name} over ${world.name}`, () => {
      let current: Stage<T>;
      const stage = () => current;
      beforeEach(() => {
        current = new Stage(subject, world.create());
      });
      afterEach(() => current.end());

      describe('connecting', () => connectingStatements(stage));
      describe('exchange', () => exchangeStatements(stage));
      describe('sending', () => sendingStatements(stage));
      describe('receiving', () => receivingStatements(stage));
      describe('live data', () => liveStatements(stage));
      describe('a Duplex', () => streamingStatements(stage));
      describe('web streams', () => webStreamingStatements(stage));
      describe('closing', () => closingStatements(stage));
      describe('restarting', () => restartingStatements(stage));
      describe('dying', () => dyingStatements(stage));
      describe('telling', () => tellingStatements(stage));
      describe('serving', () => servingStatements(stage));
      const { acknowledged } = subject;
      if (acknowledged) describe('acknowledging', () => acknowledgingStatements(stage, acknowledged));
    });
  }
  describe(name, () => {
    leavingStatement(subject.module);
    simulatingStatement(subject);
  });
}
