/** A `sendData` that waits. */
import type { Clock } from '../environment.js';
import type { WaitOptions } from '../options/wait-options.js';
import { Deferred } from './deferred.js';
import type { QueueEntry } from './waiting-line.js';

/** A send that waits for room or for its acknowledgement. The sends that wait for room form a linked list. */
export class AwaitedSend<Out> extends Deferred<boolean> implements QueueEntry<AwaitedSend<Out>> {
  readonly outgoing: Out;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
  state: 'blocked' | 'queued' | 'on-wire' = 'queued';
  previous: AwaitedSend<Out> | undefined;
  next: AwaitedSend<Out> | undefined;

  constructor(
    clock: Clock,
    outgoing: Out,
    wait: WaitOptions,
    expired: (error: Error, awaited: AwaitedSend<Out>) => void,
  ) {
    super(clock, 'sendData', wait, expired);
    this.outgoing = outgoing;
    this.signal = wait.signal;
    this.timeoutMs = wait.timeoutMs;
  }
}
