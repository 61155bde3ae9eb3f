/**
 * What every connection and server must do, whichever protocol it speaks: played in memory and over TCP.
 * Not part of `serpy-core/testing`, as it needs vitest.
 */
import { afterEach, beforeEach, describe } from 'vitest';
import type { ProtocolTypes } from '../protocol.js';
import { acknowledgingStatements } from './contract/acknowledging.js';
import { closingStatements } from './contract/closing.js';
import { connectingStatements } from './contract/connecting.js';
import { dyingStatements } from './contract/dying.js';
import { exchangeStatements } from './contract/exchange.js';
import { leavingStatement } from './contract/leaving.js';
import { liveStatements } from './contract/live.js';
import { receivingStatements } from './contract/receiving.js';
import { restartingStatements } from './contract/restarting.js';
import { sendingStatements } from './contract/sending.js';
import { servingStatements } from './contract/serving.js';
import { simulatingStatement } from './contract/simulating.js';
import { Stage, type Subject, worlds } from './contract/stage.js';
import { streamingStatements } from './contract/streaming.js';
import { tellingStatements } from './contract/telling.js';
import { webStreamingStatements } from './contract/web-streaming.js';

export type { Sample, ServerOptions, Subject } from './contract/stage.js';

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
