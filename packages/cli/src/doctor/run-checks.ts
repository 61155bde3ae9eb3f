/** Runs checks one after the other, each within its time, so that one that fails or hangs does not stop the others. */
import { isSerpyError } from 'serpy';
import type { Clock } from '../environment/context.js';
import { type Check, fail, type Limits, type Result } from './checks/check.js';

/** A check that was run. */
export interface CheckOutcome extends Result {
  readonly name: string;
  readonly elapsedMs: number;
}

/**
 * Runs all checks, and hands over each result as it comes.
 * @param contextFor what checks get besides their signal
 * @throws `ERR_SERPY_OPTION` for options that are wrong
 * @param signal ends the examination: what is under way is given up and the rest is left
 */
export async function* runChecks<C extends Limits>(
  checks: readonly Check<C>[],
  contextFor: (signal: AbortSignal) => C,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<CheckOutcome> {
  for (const check of checks) {
    if (signal.aborted) return;
    const startMs = clock.now();
    const result = await runWithin(check, contextFor, clock, signal);
    if (result) yield { name: check.name, ...result, elapsedMs: clock.now() - startMs };
  }
}

/** Undefined when the examination ended first. */
async function runWithin<C extends Limits>(
  { limitMs, run }: Check<C>,
  contextFor: (signal: AbortSignal) => C,
  clock: Clock,
  signal: AbortSignal,
): Promise<Result | undefined> {
  const controller = new AbortController();
  let over: (result: Result | undefined) => void = () => {};
  const ended = new Promise<Result | undefined>((resolve) => {
    over = resolve;
  });
  const stop = () => {
    over(undefined);
    controller.abort(signal.reason);
  };
  const timer = clock.setTimeout(() => {
    over(tookTooLong(limitMs));
    controller.abort(new Error('the time of the check is up'));
  }, limitMs);
  signal.addEventListener('abort', stop, { once: true });
  const own = run(contextFor(controller.signal)).catch((error: unknown) => unexpected(error));
  try {
    return await Promise.race([ended, own]);
  } finally {
    clock.clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    controller.abort(new Error('the check is over'));
  }
}

function tookTooLong(limitMs: number): Result {
  return fail(
    `not done after ${limitMs / 1000} s`,
    'try again when the computer has less to do; if it stays so, something swallows what is sent: a firewall, a security program or a broken driver',
  );
}

/** What a check did not reckon with is its finding; what was typed wrong is nobody's. */
function unexpected(error: unknown): Result {
  if (isSerpyError(error) && error.code === 'ERR_SERPY_OPTION') throw error;
  const message = error instanceof Error ? error.message : String(error);
  const code = isSerpyError(error) ? ` (${error.code})` : '';
  return fail(`${message}${code}`, 'if the sentence above does not help, add this report (--json) to a bug report');
}
