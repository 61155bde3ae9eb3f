/**
 * Outbound messages and the promises of their `sendData`: those that wait for room, those that are queued, and those that were sent and wait for
 * their acknowledgement. All three are in order, and the last two within the bounds.
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
 * What happens to a message when its queue is full. In a session, a receive queue that drops a message still acknowledges it to the sender.
 * The receiver counts it (`stats().droppedReceiving`) and emits a `warning`.
 */
export type WhenFull = 'block' | 'drop-oldest' | 'drop-newest' | 'error';

/** The bounds of a queue, and what happens when they are reached. */
export interface QueueOptions extends QueueLimits {
  /** What happens to a message when the queue is full. */
  readonly whenFull: WhenFull;
}

/** What a send queue reports. */
export interface SendQueueListener<Out> {
  /** Messages were dropped: by `drop-oldest` or `drop-newest`, or because there is no link. */
  dropped(error: MessagesDroppedError, why: 'full' | 'offline'): void;
  /** The wait for the acknowledgement of this message has ended. The message was sent already. */
  waitAbandoned(outgoing: Out): void;
  /** A wait has ended by its timeout or signal: there may be room for another send, or nothing left to wait for. */
  freed(): void;
}

/** The results of all sends that need not wait. */
export const acceptedResult = Promise.resolve(true);
export const refusedResult = Promise.resolve(false);

export class SendQueue<Out extends OutboundMessage> {
  readonly #options: QueueOptions;
  readonly #clock: Clock;
  readonly #listener: SendQueueListener<Out>;
  readonly #queue: BoundedQueue<Out>;
  // The next two are made when first needed: empty, they took 250 bytes of each connection.
  #blocked: WaitingLine<AwaitedSend<Out>> | undefined;
  /** Sends that wait for an acknowledgement: queued or sent. */
  #waiting: Map<Out, AwaitedSend<Out>> | undefined;
  /** Number of those that were sent. */
  #onWire = 0;
  #onWireBytes = 0;
  /** Whether sends that wait for room must keep waiting. */
  #admissionPaused = false;

  constructor(options: QueueOptions, clock: Clock, owner: SendQueueListener<Out>) {
    this.#options = options;
    this.#clock = clock;
    this.#listener = owner;
    this.#queue = new BoundedQueue(options);
  }

  /** Messages that were not sent yet. */
  get length(): number {
    return this.#queue.length;
  }

  get bytes(): number {
    return this.#queue.bytes;
  }

  /**
   * Number of messages that may be sent now. With `drop-oldest`, 0 while the sent messages that wait for their acknowledgement reach the bounds:
   * sent messages cannot be dropped.
   */
  get sendable(): number {
    const { whenFull, maxMessages, maxBytes } = this.#options;
    const isFull = this.#onWire >= maxMessages || this.#onWireBytes >= maxBytes;
    const waits = whenFull === 'drop-oldest' && isFull && this.#queue.first?.part === undefined;
    return waits ? 0 : this.#queue.length;
  }

  /** Sent messages for whose acknowledgement `sendData` waits. */
  get unacknowledged(): number {
    return this.#onWire;
  }

  /** Whether no message is left to be sent or acknowledged. */
  get idle(): boolean {
    return this.#queue.length === 0 && this.#blocked?.first === undefined && this.#onWire === 0;
  }

  /** As `length`, without the parts of streams and requests, whose failure `sendStream` and `request` report. */
  get unsentMessages(): number {
    return this.#queue.items().filter(({ part, undroppable }) => part === undefined && undroppable !== true).length;
  }

  /**
   * Accepts a message, now or when there is room; settles as `sendData` does.
   * @param always accepts it even into a full queue. The caller bounds how many there are
   */
  send(outgoing: Out, wait: WaitOptions, always = false): Promise<boolean> {
    if (wait.signal?.aborted) return Promise.reject(abortError('sendData', wait.signal));
    if (!always && (this.#blocked?.first || !this.#hasRoom(outgoing.sizeBytes))) {
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

  /** Drops a message because there is no link. */
  sendOffline(wait: WaitOptions): Promise<boolean> {
    if (wait.signal?.aborted) return Promise.reject(abortError('sendData', wait.signal));
    this.#listener.dropped(offlineError(1), 'offline');
    return refusedResult;
  }

  /** Drops all unsent messages because there is no link. Their `sendData` resolves `false`. */
  dropUnsent(): void {
    const blocked = this.#drainBlocked();
    for (const awaited of blocked) awaited.resolve(false);
    const all = this.#queue.items();
    const unsent = all.filter(({ undroppable }) => undroppable !== true);
    this.#queue.clear();
    for (const outgoing of all) if (outgoing.undroppable) this.#queue.push(outgoing);
    for (const outgoing of unsent) this.#settle(outgoing)?.resolve(false);
    const messages = blocked.length + unsent.length;
    if (messages > 0) this.#listener.dropped(offlineError(messages), 'offline');
  }

  /** Removes the next message, to send it. */
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

  /** Sent messages without an acknowledgement have to be sent again: they go before all others, whatever the bounds. */
  putBack(messages: readonly Out[]): void {
    this.#queue.putBack(messages);
  }

  /** Removes a message that was not sent. @returns whether it was there */
  withdraw(outgoing: Out): boolean {
    return this.#queue.remove(outgoing);
  }

  acknowledged(outgoing: Out): void {
    this.#settle(outgoing)?.resolve(true);
  }

  /** This message will not be acknowledged. */
  rejected(outgoing: Out, error: Error): void {
    this.#settle(outgoing)?.rejectHandled(error);
  }

  /** Sends that wait for room keep waiting, as it is not known whether another link follows. */
  pauseAdmission(): void {
    this.#admissionPaused = true;
  }

  /** Sends that wait for room are accepted again. */
  resumeAdmission(): void {
    this.#admissionPaused = false;
    this.#admitBlocked();
  }

  /**
   * Ends all waiting: rejects unsent messages with `refused`, and sent ones that wait for their acknowledgement with `lost`.
   * @returns the number of accepted messages that were never sent
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

  /** Rejects the sends that wait for room, or some of them. */
  rejectBlocked(error: Error, isMeant: (outgoing: Out) => boolean = () => true): void {
    for (const awaited of this.#drainBlocked()) {
      if (isMeant(awaited.outgoing)) awaited.rejectHandled(error);
      else this.#blockedLine.join(awaited);
    }
  }

  #hasRoom(sizeBytes: number): boolean {
    const messages = this.#queue.length + this.#onWire;
    const bytes = this.#queue.bytes + this.#onWireBytes;
    // An empty queue accepts a message of any size, which maxMessageBytes bounds.
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

  /** Accepts sends that wait for room, while there is room. */
  #admitBlocked(): void {
    if (this.#admissionPaused) return;
    for (;;) {
      const first = this.#blocked?.first;
      if (first === undefined || !this.#hasRoom(first.outgoing.sizeBytes)) return;
      if (first.signal?.aborted) return; // one signal may end many sends: it expires this one next, which admits those behind it
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

  /** The wait for room has timed out or was aborted. */
  #expireBlocked(awaited: AwaitedSend<Out>, error: Error): void {
    this.#blocked?.leave(awaited);
    const text = `sendData timed out after ${awaited.timeoutMs} ms (timeoutMs): ${fullMessage(this.#options)}`;
    awaited.reject(error instanceof TimeoutError ? new QueueFullError(text) : error);
    this.#admitBlocked();
  }

  /** The wait for an acknowledgement has timed out or was aborted: a message that was not sent yet is removed. */
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
      const oldest = this.#shiftDroppable();
      if (oldest === undefined) return; // the rest was sent already, or must be sent
      this.#listener.dropped(droppedError(this.#options), 'full');
      this.#settle(oldest)?.reject(
        new MessagesDroppedError(
          "the full send queue dropped the message for a newer one (whenFull: 'drop-oldest'): send less, or raise sendQueue",
          1,
        ),
      );
    }
  }

  #shiftDroppable(): Out | undefined {
    const { first } = this.#queue;
    if (first?.undroppable !== true) return this.#queue.shift();
    const oldest = this.#queue.items().find(({ undroppable }) => undroppable !== true);
    if (oldest !== undefined) this.#queue.remove(oldest);
    return oldest;
  }
}
