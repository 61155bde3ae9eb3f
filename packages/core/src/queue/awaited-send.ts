/** A `sendData` that waits. */
import type { Clock } from '../environment.js';
import type { SendWaitOptions } from '../options/wait-options.js';
import { Deferred } from './deferred.js';
import type { QueueEntry } from './waiting-line.js';

/** Whether a send waits until its message is handed to the link, to be withdrawn before: otherwise it is settled when it is queued. */
export function isWithdrawable({ signal, expiresMs }: SendWaitOptions): boolean {
  return signal !== undefined || expiresMs !== undefined;
}

/** A send that waits for room, for the link or for its acknowledgement. The sends that wait for room form a linked list. */
export class AwaitedSend<Out> extends Deferred<boolean> implements QueueEntry<AwaitedSend<Out>> {
  readonly outgoing: Out;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
  readonly withdrawable: boolean;
  state: 'blocked' | 'queued' | 'on-wire' = 'queued';
  previous: AwaitedSend<Out> | undefined;
  next: AwaitedSend<Out> | undefined;
  /** Stops the timer of `expiresMs`. */
  #endLifetime: (() => void) | undefined;

  /** @param lapsed called when `expiresMs` has passed */
  constructor(
    clock: Clock,
    outgoing: Out,
    wait: SendWaitOptions,
    expired: (error: Error, awaited: AwaitedSend<Out>) => void,
    lapsed: (awaited: AwaitedSend<Out>) => void,
  ) {
    super(clock, 'sendData', wait, expired);
    this.outgoing = outgoing;
    this.signal = wait.signal;
    this.timeoutMs = wait.timeoutMs;
    this.withdrawable = isWithdrawable(wait);
    const { expiresMs } = wait;
    if (expiresMs === undefined || expiresMs === Number.POSITIVE_INFINITY) return;
    const timer = clock.setTimeout(() => lapsed(this), expiresMs);
    this.#endLifetime = () => clock.clearTimeout(timer);
  }

  /** The message is handed to the link: it no longer expires. */
  handedOver(): void {
    this.state = 'on-wire';
    this.#endLifetime?.();
  }

  override resolve(value: boolean): void {
    this.#endLifetime?.();
    super.resolve(value);
  }

  override reject(error: Error): void {
    this.#endLifetime?.();
    super.reject(error);
  }
}
