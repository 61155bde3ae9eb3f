/**
 * Messages on their way out, and the promises of those who sent them: those that wait for room, those that are queued,
 * and those that are on the wire and wait for their acknowledgement. All three in order, the last two within the bounds.
 */

import type { Clock } from '../environment.js';
import { MessagesDroppedError, QueueFullError, TimeoutError } from '../errors.js';
import type { WaitOptions } from '../options/wait-options.js';
import type { OutboundMessage } from '../protocol/message.js';
import { AwaitedSend } from './awaited-send.js';
import { BoundedQueue, type QueueLimits } from './bounded-queue.js';
import { abortError } from './deferred.js';
import { droppedError, fullMessage, offlineError } from './send-queue-errors.js';
import { WaitingLine } from './waiting-line.js';

/**
 * What happens to a message that finds its queue full. A receive queue of a session that drops acknowledges to the sender what it has dropped, as
 * that is what it was told to do: it is counted (`stats().droppedReceiving`) and told by a `warning` at the receiver.
 */
export type WhenFull = 'block' | 'drop-oldest' | 'drop-newest' | 'error';

/** The bounds of a queue, and what happens there. */
export interface QueueOptions extends QueueLimits {
  /** What happens to a message that finds the queue full. */
  readonly whenFull: WhenFull;
}

/** What the queue tells its owner. */
export interface SendQueueListener<Out> {
  /** Messages were dropped, by `drop-oldest` or `drop-newest`, or because there is no link; the error says so. */
  dropped(error: MessagesDroppedError, why: 'full' | 'offline'): void;
  /** Nobody waits for the acknowledgement of this message any more; it was on the wire already. */
  waitAbandoned(outgoing: Out): void;
  /** A wait ended by itself: there may be room for who waits to send, or nothing left to wait for. */
  freed(): void;
}

/** Shared by all sends that need not wait. */
export const acceptedResult = Promise.resolve(true);
export const refusedResult = Promise.resolve(false);

export class SendQueue<Out extends OutboundMessage> {
  readonly #options: QueueOptions;
  readonly #clock: Clock;
  readonly #listener: SendQueueListener<Out>;
  readonly #queue: BoundedQueue<Out>;
  // The next two are made when they are first needed: empty they are 250 bytes of each connection.
  #blocked: WaitingLine<AwaitedSend<Out>> | undefined;
  /** Acknowledged sends that are queued or on the wire. */
  #waiting: Map<Out, AwaitedSend<Out>> | undefined;
  /** How many of them are on the wire. */
  #onWire = 0;
  #onWireBytes = 0;
  /** Whether nobody who waits for room is let in. */
  #admissionPaused = false;

  constructor(options: QueueOptions, clock: Clock, owner: SendQueueListener<Out>) {
    this.#options = options;
    this.#clock = clock;
    this.#listener = owner;
    this.#queue = new BoundedQueue(options);
  }

  /** Messages that have not been put on a wire. */
  get length(): number {
    return this.#queue.length;
  }

  get bytes(): number {
    return this.#queue.bytes;
  }

  /**
   * How many of them may go on the wire. Under `drop-oldest` none while the messages that wait there for their acknowledgement
   * fill the bounds: what is on the wire cannot be dropped.
   */
  get sendable(): number {
    const { whenFull, maxMessages, maxBytes } = this.#options;
    const isFull = this.#onWire >= maxMessages || this.#onWireBytes >= maxBytes;
    const waits = whenFull === 'drop-oldest' && isFull && this.#queue.first?.part === undefined;
    return waits ? 0 : this.#queue.length;
  }

  /** Messages on the wire whose acknowledgement somebody waits for. */
  get unacknowledged(): number {
    return this.#onWire;
  }

  /** Whether nothing is left to be sent or waited for. */
  get idle(): boolean {
    return this.#queue.length === 0 && this.#blocked?.first === undefined && this.#onWire === 0;
  }

  /** How many of them are messages: what there is of streams is told to those who send them. */
  get unsentMessages(): number {
    return this.#queue.items().filter(({ part }) => part === undefined).length;
  }

  /**
   * Accepts a message, now or when there is room; settles as `sendData` does.
   * @param always it must not wait behind others, nor be dropped for want of room
   */
  send(outgoing: Out, wait: WaitOptions, always = false): Promise<boolean> {
    if (wait.signal?.aborted) return Promise.reject(abortError('sendData', wait.signal));
    if (always) {
      // Whoever asks for it bounds how many there are.
    } else if (this.#blocked?.first || !this.#hasRoom(outgoing.sizeBytes)) {
      switch (this.#options.whenFull) {
        case 'block':
          return this.#block(outgoing, wait);
        case 'error':
          return Promise.reject(new QueueFullError(fullMessage(this.#options)));
        case 'drop-newest':
          this.#listener.dropped(droppedError(this.#options), 'full');
          return refusedResult;
        case 'drop-oldest':
          this.#makeRoom(outgoing.sizeBytes);
      }
    }
    this.#queue.push(outgoing);
    if (!outgoing.awaitsAck) return acceptedResult;
    const awaited = this.#newAwaited(outgoing, wait);
    this.#await(awaited);
    return awaited.promise;
  }

  /** A message for which there is no link, and which is not to wait for one. */
  sendOffline(wait: WaitOptions): Promise<boolean> {
    if (wait.signal?.aborted) return Promise.reject(abortError('sendData', wait.signal));
    this.#listener.dropped(offlineError(1), 'offline');
    return refusedResult;
  }

  /** Drops what was never put on a wire, as there is no link: who waits for one of these messages hears that it was not accepted. */
  dropUnsent(): void {
    const blocked = this.#drainBlocked();
    for (const awaited of blocked) awaited.resolve(false);
    const unsent = this.#queue.items();
    this.#queue.clear();
    for (const outgoing of unsent) this.#settle(outgoing)?.resolve(false);
    const messages = blocked.length + unsent.length;
    if (messages > 0) this.#listener.dropped(offlineError(messages), 'offline');
  }

  /** The next message for the wire. */
  next(): Out | undefined {
    const outgoing = this.#queue.shift();
    if (outgoing === undefined) return undefined;
    if (outgoing.awaitsAck) {
      (this.#waiting?.get(outgoing) as AwaitedSend<Out>).state = 'on-wire';
      this.#onWire++;
      this.#onWireBytes += outgoing.sizeBytes;
    } else if (this.#blocked?.first) {
      this.#admitBlocked();
    }
    return outgoing;
  }
  /** Messages that nobody waits for have been sent in vain: they are the next, whatever the bounds. */
  putBack(messages: readonly Out[]): void {
    this.#queue.putBack(messages);
  }

  acknowledged(outgoing: Out): void {
    this.#settle(outgoing)?.resolve(true);
  }

  /** This message will not be acknowledged. */
  rejected(outgoing: Out, error: Error): void {
    this.#settle(outgoing)?.rejectHandled(error);
  }

  /** From now on nobody who waits for room is let in: it is not known whether there will be another link. */
  pauseAdmission(): void {
    this.#admissionPaused = true;
  }

  /** There may be another link: who waits for room is let in as ever. */
  resumeAdmission(): void {
    this.#admissionPaused = false;
    this.#admitBlocked();
  }

  /**
   * Ends all waiting: what was never put on a wire is rejected with `refused`, what was and waits for its acknowledgement with `lost`.
   * @returns how many accepted messages were never put on a wire
   */
  close(refused: Error, lost: Error): number {
    this.rejectBlocked(refused);
    for (const awaited of [...(this.#waiting?.values() ?? [])]) {
      this.#settle(awaited.outgoing)?.rejectHandled(awaited.state === 'on-wire' ? lost : refused);
    }
    const unsent = this.unsentMessages;
    this.#queue.clear();
    return unsent;
  }

  /** Rejects those who wait for room, or some of them. */
  rejectBlocked(error: Error, isMeant: (outgoing: Out) => boolean = () => true): void {
    for (const awaited of this.#drainBlocked()) {
      if (isMeant(awaited.outgoing)) awaited.rejectHandled(error);
      else this.#blockedLine.join(awaited);
    }
  }

  #hasRoom(sizeBytes: number): boolean {
    const messages = this.#queue.length + this.#onWire;
    const bytes = this.#queue.bytes + this.#onWireBytes;
    // An empty queue takes a message of any size: maxMessageBytes bounds that.
    return messages === 0 || (messages < this.#options.maxMessages && bytes + sizeBytes <= this.#options.maxBytes);
  }

  get #blockedLine(): WaitingLine<AwaitedSend<Out>> {
    this.#blocked ??= new WaitingLine();
    return this.#blocked;
  }

  #drainBlocked(): AwaitedSend<Out>[] {
    return this.#blocked?.takeAll() ?? [];
  }

  #block(outgoing: Out, wait: WaitOptions): Promise<boolean> {
    const awaited = this.#newAwaited(outgoing, wait);
    awaited.state = 'blocked';
    this.#blockedLine.join(awaited);
    return awaited.promise;
  }

  #newAwaited(outgoing: Out, wait: WaitOptions): AwaitedSend<Out> {
    return new AwaitedSend(this.#clock, outgoing, wait, (error, awaited) => this.#expire(awaited, error));
  }

  /** Lets in those who wait for room, as far as there is any. */
  #admitBlocked(): void {
    if (this.#admissionPaused) return;
    for (;;) {
      const first = this.#blocked?.first;
      if (first === undefined || !this.#hasRoom(first.outgoing.sizeBytes)) return;
      if (first.signal?.aborted) return; // one signal may end many sends: this one hears of it next, and lets in who follows
      this.#blocked?.leave(first);
      this.#queue.push(first.outgoing);
      first.state = 'queued';
      if (first.outgoing.awaitsAck) this.#await(first);
      else first.resolve(true);
    }
  }

  #await(awaited: AwaitedSend<Out>): void {
    this.#waiting ??= new Map();
    this.#waiting.set(awaited.outgoing, awaited);
  }

  #expire(awaited: AwaitedSend<Out>, error: Error): void {
    if (awaited.state === 'blocked') this.#expireBlocked(awaited, error);
    else this.#expireAwaited(awaited, error);
    this.#listener.freed();
  }

  /** The wait for room is over. */
  #expireBlocked(awaited: AwaitedSend<Out>, error: Error): void {
    this.#blocked?.leave(awaited);
    const isLate = error instanceof TimeoutError;
    awaited.reject(isLate ? new QueueFullError(`${error.message}: ${fullMessage(this.#options)}`) : error);
    this.#admitBlocked();
  }

  /** The wait for an acknowledgement is over: a message that is not on the wire yet is taken back. */
  #expireAwaited(awaited: AwaitedSend<Out>, error: Error): void {
    const { outgoing } = awaited;
    if (awaited.state === 'on-wire') this.#listener.waitAbandoned(outgoing);
    else this.#queue.remove(outgoing);
    this.#settle(outgoing);
    if (error instanceof TimeoutError) awaited.resolve(false);
    else awaited.reject(error);
  }

  #settle(outgoing: Out): AwaitedSend<Out> | undefined {
    const awaited = this.#waiting?.get(outgoing);
    this.#waiting?.delete(outgoing);
    if (awaited?.state === 'on-wire') {
      this.#onWire--;
      this.#onWireBytes -= outgoing.sizeBytes;
    }
    this.#admitBlocked();
    return awaited;
  }

  #makeRoom(sizeBytes: number): void {
    while (!this.#hasRoom(sizeBytes)) {
      const oldest = this.#queue.shift();
      if (oldest === undefined) return; // all that is left is on the wire
      this.#listener.dropped(droppedError(this.#options), 'full');
      this.#settle(oldest)?.reject(
        new MessagesDroppedError("the message was dropped from the full send queue (whenFull: 'drop-oldest')", 1),
      );
    }
  }
}
