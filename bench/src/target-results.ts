/** The rows of the table of targets. */

export type Processes = 'warm' | 'fresh';

export interface TargetResult {
  /** The name in `--only`. */
  readonly name: string;
  readonly what: string;
  /** How the processes were measured; undefined where it makes no difference. */
  readonly processes?: Processes | undefined;
  /** Undefined if it could not be measured here: the note says why, or which command measures it. */
  readonly measured?: number | undefined;
  readonly unit: string;
  readonly target: number;
  readonly aim?: number | undefined;
  readonly moreIsBetter: boolean;
  readonly note?: string | undefined;
}

/** Whether a row has reached its target; undefined if it was not measured. */
export function isMet({ measured, target, moreIsBetter }: TargetResult): boolean | undefined {
  if (measured === undefined) return undefined;
  return moreIsBetter ? measured >= target : measured <= target;
}
