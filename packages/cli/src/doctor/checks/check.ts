/** A check of the doctor, as data: it can be listed, run alone, and tested with another computer. */
import type { HostInfo } from './host-info.js';

/** `skip`: not run, because an earlier check failed or the user excluded it. */
export type Status = 'ok' | 'warn' | 'FAIL' | 'skip';

/** The result of a check. */
export interface Result {
  readonly status: Status;
  /** The result in words. */
  readonly message: string;
  /** What to do. Present for each `warn` and `FAIL`. */
  readonly advice?: string;
  /** The result for programs. */
  readonly figures?: Readonly<Record<string, number | string | boolean | null>>;
}

/** What stops a check early. */
export interface Limits {
  /** Aborted at the time limit of the check, and when the command is interrupted. */
  readonly signal: AbortSignal;
}

/** The context of a check of this computer. */
export interface CheckContext extends Limits {
  readonly hostInfo: HostInfo;
}

export interface Check<C extends Limits = CheckContext> {
  /** The name in the report and in docs/doctor.md. */
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
