/** The real clock, random numbers, signals and terminal. Only this file accesses them. */
import { performance } from 'node:perf_hooks';
import type { Clock, Context } from './context.js';
import { createInterruption, type InterruptCause } from './interrupt.js';
import { createTerminal } from './terminal.js';

export const systemClock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** A time of the computer's clock as a `Date`. */
export function dateOf(wallMs: number): Date {
  return new Date(wallMs);
}

/** A time of the computer's clock as `2026-01-31T12:00:00.000Z`. */
export function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

const signals: readonly Extract<InterruptCause, NodeJS.Signals>[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** The context of the process. Signals and closed pipes interrupt it. */
export function systemContext(): Context {
  const interruption = createInterruption(() => process.exit(1));
  for (const signal of signals) process.on(signal, () => interruption.interrupt(signal));
  const terminal = createTerminal(process, process.env, interruption);
  process.removeAllListeners('warning'); // Node's listener prints more than a sentence
  process.on('warning', ({ message }) => terminal.note(message));
  return {
    terminal,
    interruption,
    clock: systemClock,
    random: Math.random,
    env: process.env,
    platform: process.platform,
  };
}

/** Flushes stdout and stderr and ends the process. Open handles cannot keep it alive. */
export async function exit(status: number): Promise<never> {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.writable) await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
  return process.exit(status);
}
