/** What a check of the doctor is: data, so that it can be listed, run on its own and tested with other surroundings. */
import type { HostInfo } from './host-info.js';

/** `skip`: it could not be looked at, as something before it is wrong, or was not asked for. */
export type Status = 'ok' | 'warn' | 'FAIL' | 'skip';

/** What a check has found. */
export interface Result {
  readonly status: Status;
  /** What was seen, for people. */
  readonly message: string;
  /** What to do. There for each `warn` and `FAIL`. */
  readonly advice?: string;
  /** The same for programs. */
  readonly figures?: Readonly<Record<string, number | string | boolean | null>>;
}

/** How long a check may take, and what ends it early. */
export interface Limits {
  /** Aborted when the time of the check is up, or the command is interrupted. */
  readonly signal: AbortSignal;
}

/** What checks that need nothing more are run in. */
export interface CheckContext extends Limits {
  readonly hostInfo: HostInfo;
}

export interface Check<C extends Limits = CheckContext> {
  /** As it stands in the report and in docs/doctor.md. */
  readonly name: string;
  readonly limitMs: number;
  run(context: C): Promise<Result>;
}

type Extra = Pick<Result, 'figures'>;

export function ok(message: string, extra: Extra = {}): Result {
  return { status: 'ok', message, ...extra };
}

export function warn(message: string, advice: string, extra: Extra = {}): Result {
  return { status: 'warn', message, advice, ...extra };
}

export function fail(message: string, advice: string, extra: Extra = {}): Result {
  return { status: 'FAIL', message, advice, ...extra };
}

export function skip(message: string, advice?: string): Result {
  return advice === undefined ? { status: 'skip', message } : { status: 'skip', message, advice };
}
