/**
 * Outbound messages and the promises of their `sendData`: those that wait for room, those that are queued, and those that were sent and wait for
 * their acknowledgement. All three are in order, and the last two within the bounds.
 */

import type { Clock } from '../environment.js';
import { MessagesDroppedError, QueueFullError, TimeoutError } from '../errors.js';
import type { SendWaitOptions, WaitOptions } from '../options/wait-options.js';
import type { OutboundMessage } from '../protocol/message.js';
import { AwaitedSend, isWithdrawable } from './awaited-send.js';
import { AwaitedSends } from './awaited-sends.js';
import { BoundedQueue, type QueueLimits } from './bounded-queue.js';
import { Broadcasts, type SlowPeers } from './broadcasts.js';
import { abortError } from './deferred.js';
import { broadcastError, droppedError, fullMessage, offlineError } from './send-queue-errors.js';
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
  /** A message was dropped as its `expiresMs` had passed. Its `sendData` reports that. */
  lapsed(): void;
  /** A wait has ended by its timeout, signal or `expiresMs`: there may be room for another send, or nothing left to wait for. */
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
  /** Sends that wait for an acknowledgement, queued or sent, and queued ones that can be withdrawn. */
  #waiting: AwaitedSends<Out> | undefined;
  #expired: ((error: Error, awaited: AwaitedSend<Out>) => void) | undefined;
  #lapsed: ((awaited: AwaitedSend<Out>) => void) | undefined;
  /** Number of those that were sent. */
  #onWire = 0;
  #onWireBytes = 0;
  /** Made for the first broadcast. */
  #broadcasts: Broadcasts<Out> | undefined;
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

  /** Whether a message may be sent without being queued: none is before it, and there is room for it until it is acknowledged. */
  isOpenFor({ sizeBytes }: Out): boolean {
    return this.#queue.length === 0 && this.#blocked?.first === undefined && this.#hasRoom(sizeBytes);
  }

  /** A message that awaits its acknowledgement goes to the link without being queued. Settles as `sendData` does. */
  sendPast(outgoing: Out, wait: SendWaitOptions): Promise<boolean> {
    const awaited = this.#newAwaited(outgoing, wait);
    this.#await(awaited);
    this.#handOver(awaited);
    return awaited.promise;
  }

  /**
   * Accepts a message, now or when there is room; settles as `sendData` does.
   * @param always accepts it even into a full queue. The caller bounds how many there are
   */
  send(outgoing: Out, wait: SendWaitOptions, always = false): Promise<boolean> {
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
    if (!outgoing.awaitsAck && !isWithdrawable(wait)) return acceptedResult;
    const awaited = this.#newAwaited(outgoing, wait);
    this.#await(awaited);
    return awaited.promise;
  }

  /**
   * Accepts a broadcast message if there is room, or if older broadcast messages can make room. It waits behind the sends that wait for room.
   * @returns whether it was accepted
   */
  sendBroadcast(outgoing: Out, slowPeers: SlowPeers): boolean {
    const dropped = slowPeers === 'drop-oldest' ? this.#dropBroadcasts(outgoing.sizeBytes) : 0;
    const isAccepted = this.#acceptsNow(outgoing.sizeBytes);
    if (isAccepted) {
      this.#queue.push(outgoing);
      this.#broadcasts ??= new Broadcasts();
      this.#broadcasts.push(outgoing);
    }
    const lost = dropped + (isAccepted || slowPeers === 'disconnect' ? 0 : 1);
    if (lost > 0) this.#listener.dropped(broadcastError(this.#options, lost), 'full');
    return isAccepted;
  }

  /** Drops the oldest broadcast messages until there is room, if that makes room. @returns their number */
  #dropBroadcasts(sizeBytes: number): number {
    const broadcasts = this.#broadcasts;
    if (broadcasts === undefined) return 0;
    let count = 0;
    while (!this.#acceptsNow(sizeBytes) && this.#hasRoom(sizeBytes, broadcasts)) {
      const oldest = broadcasts.shift();
      if (oldest === undefined) break;
      this.#queue.remove(oldest);
      count++;
      this.#admitBlocked();
    }
    return count;
  }

  #acceptsNow(sizeBytes: number): boolean {
    return this.#blocked?.first === undefined && this.#hasRoom(sizeBytes);
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
    this.#broadcasts = undefined;
    for (const outgoing of unsent) this.#settle(outgoing)?.resolve(false);
    const messages = blocked.length + unsent.length;
    if (messages > 0) this.#listener.dropped(offlineError(messages), 'offline');
  }

  /** Removes the next message, to send it. */
  next(): Out | undefined {
    const outgoing = this.#queue.shift();
    if (outgoing === undefined) return undefined;
    this.#broadcasts?.taken(outgoing);
    if (outgoing.awaitsAck) {
      this.#handOver(this.#waiting?.get(outgoing) as AwaitedSend<Out>);
    } else if (outgoing.awaited !== undefined) {
      this.#settle(outgoing)?.resolve(true);
    } else if (this.#blocked?.first) {
      this.#admitBlocked();
    }
    return outgoing;
  }

  #handOver(awaited: AwaitedSend<Out>): void {
    awaited.handedOver();
    this.#onWire++;
    this.#onWireBytes += awaited.outgoing.sizeBytes;
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
    for (const awaited of this.#waiting?.all() ?? []) {
      this.#settle(awaited.outgoing)?.rejectHandled(awaited.state === 'on-wire' ? lost : refused);
    }
    const unsent = this.unsentMessages;
    this.#queue.clear();
    this.#broadcasts = undefined;
    return unsent;
  }

  /** Rejects the sends that wait for room, or some of them. */
  rejectBlocked(error: Error, isMeant: (outgoing: Out) => boolean = () => true): void {
    for (const awaited of this.#drainBlocked()) {
      if (isMeant(awaited.outgoing)) awaited.rejectHandled(error);
      else this.#blockedLine.join(awaited);
    }
  }

  /** @param without messages of the queue that do not count */
  #hasRoom(sizeBytes: number, without?: Broadcasts<Out>): boolean {
    const messages = this.#queue.length + this.#onWire - (without?.length ?? 0);
    const bytes = this.#queue.bytes + this.#onWireBytes - (without?.bytes ?? 0);
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

  #block(outgoing: Out, wait: SendWaitOptions): Promise<boolean> {
    const awaited = this.#newAwaited(outgoing, wait);
    awaited.state = 'blocked';
    this.#blockedLine.join(awaited);
    return awaited.promise;
  }

  #newAwaited(outgoing: Out, wait: SendWaitOptions): AwaitedSend<Out> {
    this.#expired ??= (error, awaited) => this.#expire(awaited, error);
    this.#lapsed ??= (awaited) => this.#lapse(awaited);
    return new AwaitedSend(this.#clock, outgoing, wait, this.#expired, this.#lapsed);
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
      if (first.outgoing.awaitsAck || first.withdrawable) this.#await(first);
      else first.resolve(true);
    }
  }

  #await(awaited: AwaitedSend<Out>): void {
    this.#waiting ??= new AwaitedSends();
    this.#waiting.add(awaited);
  }

  #expire(awaited: AwaitedSend<Out>, error: Error): void {
    if (awaited.state === 'blocked') this.#expireBlocked(awaited, error);
    else this.#expireAwaited(awaited, error);
    this.#listener.freed();
  }

  /** `expiresMs` has passed, and the message is not handed to the link. */
  #lapse(awaited: AwaitedSend<Out>): void {
    if (awaited.state === 'blocked') {
      this.#blocked?.leave(awaited);
      this.#admitBlocked();
    } else {
      this.#queue.remove(awaited.outgoing);
      this.#settle(awaited.outgoing);
    }
    awaited.resolve(false);
    this.#listener.lapsed();
    this.#listener.freed();
  }

  /** The wait for room has timed out or was aborted. */
  #expireBlocked(awaited: AwaitedSend<Out>, error: Error): void {
    this.#blocked?.leave(awaited);
    const text = `sendData timed out after ${awaited.timeoutMs} ms (timeoutMs): ${fullMessage(this.#options)}`;
    awaited.reject(error instanceof TimeoutError ? new QueueFullError(text) : error);
    this.#admitBlocked();
  }

  /** The wait for the link or for an acknowledgement has timed out or was aborted: a message that was not sent yet is removed. */
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
    if (awaited) this.#waiting?.remove(awaited);
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
      this.#broadcasts?.taken(oldest);
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
