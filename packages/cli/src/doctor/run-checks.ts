/** Runs checks one after the other, each with a time limit, so that one that fails or hangs does not stop the others. */
import { isSerpyError } from 'serpy';
import type { Clock } from '../environment/context.js';
import { type Check, fail, type Limits, type Result } from './checks/check.js';

/** The result of a check, with its name and time. */
export interface CheckOutcome extends Result {
  readonly name: string;
  readonly elapsedMs: number;
}

/**
 * Runs all checks, and yields each result.
 * @param contextFor makes the context of a check with its signal
 * @param signal stops the current check, and omits the others
 * @throws `ERR_SERPY_OPTION` for wrong options
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

/** Undefined if `signal` stopped the check. */
async function runWithin<C extends Limits>(
  { limitMs, run }: Check<C>,
  contextFor: (signal: AbortSignal) => C,
  clock: Clock,
  signal: AbortSignal,
): Promise<Result | undefined> {
  const controller = new AbortController();
  let end: (result: Result | undefined) => void = () => {};
  const ended = new Promise<Result | undefined>((resolve) => {
    end = resolve;
  });
  const stop = () => {
    end(undefined);
    controller.abort(signal.reason);
  };
  const timer = clock.setTimeout(() => {
    end(timedOut(limitMs));
    controller.abort(new Error('the check timed out'));
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

function timedOut(limitMs: number): Result {
  return fail(
    `not done after ${limitMs / 1000} s`,
    'try again when the computer is less busy; if the result is the same, a firewall, a security program or a driver may discard data',
  );
}

/** An unexpected error is the result of the check, except for wrong options. */
function unexpected(error: unknown): Result {
  if (isSerpyError(error) && error.code === 'ERR_SERPY_OPTION') throw error;
  const message = error instanceof Error ? error.message : String(error);
  const code = isSerpyError(error) ? ` (${error.code})` : '';
  return fail(`${message}${code}`, 'if this sentence does not help, report it with the output of --json');
}
