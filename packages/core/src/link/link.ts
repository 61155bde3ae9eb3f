/**
 * Moves data between one transport and the session: received bytes become messages in the receive queue, and messages of the send queue become
 * bytes, with back-pressure in both directions. A link is used once; a reconnect makes another.
 *
 * Its states, some of which a link skips:
 * - new: nothing is sent or received before `start`
 * - open: messages travel in both directions. While `#paused`, this end does not read: the receive queue is full, or the peer does not read answers
 * - `#peerEnded`: the peer sends nothing more. Answers are sent and, if this end is closing too, the send queue
 * - `#closeSent`: this end sends nothing more. It reads until the peer ends or `destroy` is called
 * - `#over`: the transport is destroyed, or released to another link. Set once and never left
 */

import type { Clock } from '../environment.js';
import type { SerpyError } from '../errors.js';
import type { InboundMessage, OutboundMessage } from '../protocol/message.js';
import type { ResumableSession } from '../protocol/resumable-session.js';
import type { Session } from '../protocol/session.js';
import type { Transport, TransportHandler, WriteSlot } from '../transport/transport.js';
import { Deadline } from './deadline.js';
import { type DisconnectReason, discardsUnread, isResumable, toLinkFailure } from './link-end.js';
import type { LinkHost, LinkObserver } from './link-host.js';
import { LinkProgress } from './link-progress.js';
import { ReadStallTimer } from './read-stall-timer.js';
import { WriteStallTimer } from './write-stall-timer.js';

/** A session of any protocol. The types of the connection's public methods are those of its protocol. */
export type AnySession = Session<unknown, object, InboundMessage, OutboundMessage>;

/** How long the last answers to a peer that has ended may take to leave this process. */
const lingerMs = 1000;

/** Maximum number of bytes of answers that wait to be sent: about 100,000 acknowledgements. */
const maxAnswerBytes = 1024 * 1024;

const notWritten = 'a message could not be sent';

export class Link implements TransportHandler {
  readonly transport: Transport;
  readonly #session: AnySession;
  readonly #host: LinkHost;
  readonly #clock: Clock;
  readonly #observer: LinkObserver;
  /** Nothing is sent before: the session first repeats what an earlier link left unacknowledged. */
  #started = false;
  #paused = false;
  #reading = false;
  #peerEnded = false;
  #closeSent = false;
  #over = false;
  #end: { reason: DisconnectReason; error: Error | undefined } | undefined;
  /** Messages sent on this link. */
  #sentMessages = 0;
  /** Those of them that the peer has read, as it has answered a request behind them. */
  #readMessages = 0;
  /** Whether the program destroyed the connection, and so does not ask what became of these messages. */
  #destroyedHere = false;
  readonly #progress = new LinkProgress();
  /** Whether the link has made progress. Set when it is over. */
  progressed = false;
  /** Bytes written in answer to received data since all bytes had last left. */
  #answerBytes = 0;
  #deadline: Deadline | undefined;
  #writeStallTimer: WriteStallTimer | undefined;
  #readStallTimer: ReadStallTimer | undefined;

  constructor(transport: Transport, session: AnySession, host: LinkHost, clock: Clock, observer: LinkObserver) {
    this.transport = transport;
    this.#session = session;
    this.#host = host;
    this.#clock = clock;
    this.#observer = observer;
  }

  start(): void {
    this.#started = true;
    this.#session.reconnects?.(this.#observer.reconnects);
    this.#progress.begin(this.#session.resumable);
    try {
      this.#session.linkUp(this.#clock.now(), this.transport.connectMs);
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    this.#host.deliverHeld();
    if (this.#mustPause()) this.#pause();
    this.transport.start(this);
    this.#afterStep();
  }

  /** `reconnects` of the observer has changed. */
  reconnectsChanged(): void {
    if (!this.#started || this.#over) return;
    this.#session.reconnects?.(this.#observer.reconnects);
    this.pump();
  }

  /** Whether this end has stopped reading for now. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Whether the link has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** Writes bytes of the session. After the close frame nothing is written, not even answers. */
  write(piece: Uint8Array): void {
    if (this.#over || this.#closeSent) return;
    if (this.#reading) this.#countAnswer(piece.length);
    this.transport.write(piece);
  }

  /** As `write`, for bytes that the caller writes into the slot. */
  reserve(bytes: number): WriteSlot {
    if (this.#over || this.#closeSent) return { buffer: Buffer.allocUnsafe(bytes), offset: 0 };
    if (this.#reading) this.#countAnswer(bytes);
    return this.transport.reserve(bytes);
  }

  /** Whether session and transport accept a message now. */
  mayNow(): boolean {
    return this.#maySend() && this.#session.canSend && this.transport.writable;
  }

  /** Sends a message without queueing it. The send queue is empty, and `mayNow` is true. */
  sendNow(outgoing: OutboundMessage): void {
    this.#putOnWire(outgoing);
    if (this.#session.resumable?.hasPendingFrames) this.#sendQueued(); // of a large message, as much as may be
    if (!this.#over) this.transport.flush();
    this.#schedule();
  }

  get sentMessages(): number {
    return this.#sentMessages;
  }

  /** The peer has read this many messages of the link. */
  peerHasRead(messages: number): void {
    this.#readMessages = messages;
  }

  /** Sends queued messages while session and transport accept them. */
  pump(): void {
    this.#sendQueued();
    if (!this.#over) this.transport.flush();
    this.#schedule();
  }

  /** The program has consumed messages: resumes reading if it was paused. */
  resumeReading(): void {
    if (!this.#paused || this.#over || !this.#host.inbox.hasRoom) return;
    if (this.#read() && !this.#over) {
      this.#paused = false;
      this.transport.resume();
      if (this.#session.midFrame) this.#watchedReads().restart();
    }
    this.#afterStep();
  }

  /** Closes this end's direction after all written bytes. The link ends with the peer's own end or `destroy`. */
  end(reason = ''): void {
    if (this.#over || this.#closeSent) return;
    this.#end ??= { reason: 'local-close', error: undefined };
    this.#sendClose(reason);
    this.resumeReading();
  }

  /** Releases the transport for another link. This link ends without calling its observer. */
  release(): Transport {
    this.#over = true;
    this.#stopTimers();
    this.#session.linkDown(this.#paused);
    return this.transport;
  }

  /** The peer has acknowledged a message. */
  acknowledged(): void {
    this.#progress.record();
  }

  /** The program has consumed a message: the session may have to inform the peer. */
  consumed(): void {
    if (this.#over || this.#reading) return; // after reading, `#afterStep` writes it
    const { resumable, gathered } = this.#session;
    if (resumable?.readable) {
      this.#read();
      this.#afterStep();
    } else if (gathered || resumable?.hasPendingFrames) this.pump();
    else this.#schedule();
  }

  /** The time for closing is over: writes the close frame, as far as the system accepts it at once, and ends the link. */
  endNow(reason: string): void {
    const { resumable } = this.#session;
    if (!this.#over && !this.#closeSent && resumable?.flowControlled) this.#sendClose(reason);
    this.destroy('local-close');
  }

  /** Ends the link for `destroy` of the connection: unconfirmed messages are not reported. */
  abort(error?: Error): void {
    this.#destroyedHere = true;
    this.destroy('local-close', error);
  }

  /** Ends the link at once. */
  destroy(reason: DisconnectReason, error?: Error): void {
    this.#end ??= { reason, error };
    this.transport.destroy();
    this.#finish();
  }

  received(chunk: Buffer): void {
    if (this.#over) return;
    this.#host.bytesReceived(chunk.length);
    this.#session.receive(chunk, this.#clock.now());
    this.#read();
    if (this.#over) return;
    this.#session.retainUnread();
    if (this.#session.midFrame) this.#watchedReads().bytesArrived(chunk.length);
    else this.#readStallTimer?.idle();
    this.#afterStep();
  }

  target(leastBytes: number): Buffer | undefined {
    return this.#over || this.#paused ? undefined : this.#session.target?.(leastBytes);
  }

  filled(count: number): void {
    if (this.#over) return;
    this.#host.bytesReceived(count);
    const isWhole = this.#session.filled?.(count, this.#clock.now()) === true;
    if (isWhole) this.#read();
    if (this.#over) return;
    if (this.#session.midFrame) this.#watchedReads().bytesArrived(count);
    else this.#readStallTimer?.idle();
    if (isWhole) this.#afterStep();
  }

  get gathered(): boolean {
    return this.#session.gathered === true;
  }

  flushing(): void {
    if (this.#over || this.#closeSent) return;
    try {
      this.#session.flush?.();
    } catch (error) {
      this.#fail(error as Error, notWritten);
    }
  }

  drained(): void {
    this.#answerBytes = 0;
    this.resumeReading();
    this.pump();
  }

  /** The peer has ended its direction. Answers that it waits for are still sent, but nothing else unless this end is closing too. */
  ended(): void {
    if (this.#over) return;
    this.#end ??= { reason: 'peer-closed', error: undefined };
    this.#peerEnded = true;
    this.#readStallTimer?.stop();
    this.#read(true);
    if (this.#over) return;
    this.#host.stepDone();
    if (this.#over) return; // by a listener
    const { resumable } = this.#session;
    if (resumable?.flowControlled && !resumable.peerClose) {
      this.destroy('peer-closed'); // without a close frame the link broke, and the session may be resumed
      return;
    }
    if (this.#host.closing && !this.#closeSent) {
      this.#deadline?.set(undefined);
      this.pump();
      return;
    }
    this.#sendClose('');
    this.#deadline ??= new Deadline(this.#clock, () => this.#deadlineReached());
    this.#deadline.set(this.#clock.now() + lingerMs);
  }

  closed(error?: Error): void {
    // The end was intended. Without a session, a reset is the only sign that the peer may not have read everything.
    if (error && this.#end?.reason === 'local-close' && !this.#session.resumable?.flowControlled)
      this.#end.error ??= error;
    this.#end ??= error ? { reason: 'reset', error } : { reason: 'peer-closed', error: undefined };
    this.#finish();
  }

  /** Delivers the messages that have arrived, until reading must pause. @returns whether all were delivered */
  #read(evenIfFull = false): boolean {
    if (this.#reading) return false; // a delivered message may be consumed at once, which calls `resumeReading`
    this.#reading = true;
    try {
      for (;;) {
        if (this.#over) return false; // the transport was released
        if (!evenIfFull && this.#mustPause()) {
          this.#pause();
          return false;
        }
        const received = this.#session.read();
        if (received === undefined) return true;
        this.#readStallTimer?.idle();
        this.#progress.record();
        this.#host.deliver(received);
      }
    } catch (error) {
      this.#fail(error as Error);
      return false;
    } finally {
      this.#reading = false;
    }
  }

  /** Reading pauses while the receive queue is full, or while answers pile up because the peer does not read them. */
  #mustPause(): boolean {
    if (this.#answerBytes > maxAnswerBytes) return true;
    return this.#host.inbox.full && !this.#session.resumable?.flowControlled;
  }

  #countAnswer(bytes: number): void {
    if (this.transport.unsentBytes === 0) this.#answerBytes = 0;
    this.#answerBytes += bytes;
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.transport.pause();
  }

  /** The bytes to send are the program's memory, which it may have detached or changed. Such an error ends only the link. */
  #writeNext(resumable: ResumableSession): void {
    try {
      resumable.writeNext();
    } catch (error) {
      this.#fail(error as Error, notWritten);
    }
  }

  #fail(error: Error, what?: string): void {
    const failure = toLinkFailure(error, what);
    // An intended end stays intended, but reports the error.
    if (this.#end?.reason === 'local-close') this.#end = { reason: 'local-close', error: failure.error };
    else this.#end = failure;
    this.transport.flush(); // the session may have written why
    this.destroy(failure.reason, failure.error);
  }

  #finish(): void {
    if (this.#over) return;
    const failed = this.#end !== undefined && discardsUnread(this.#end.reason);
    // Bytes read from a transport that is gone cannot wait there: they are delivered even into a full queue. That is at most one chunk.
    if (!failed) this.#read(true);
    if (this.#over) return; // those bytes were invalid and ended the link
    this.#over = true;
    this.#stopTimers();
    const missing: SerpyError | undefined = failed ? undefined : this.#session.ended();
    this.progressed = this.#progress.hasProgressed(this.#session.resumable);
    const { peerClose, flowControlled = false, resumableMs = 0 } = this.#session.resumable ?? {};
    const unacknowledgedMessages = this.#mayHaveLost(flowControlled)
      ? Math.min(
          this.#session.unacknowledgedMessages ?? Number.POSITIVE_INFINITY,
          this.#sentMessages - this.#readMessages,
        )
      : 0;
    this.#host.linkEnding();
    this.#session.linkDown(this.#paused);
    this.#host.deliverHeld();
    this.#host.stepDone();
    const { reason, error } = this.#end ?? { reason: 'peer-closed', error: undefined };
    this.#observer.linkEnded({
      reason,
      error: error ?? (reason === 'local-close' ? undefined : missing),
      unacknowledgedMessages,
      clean: reason === 'local-close' || peerClose !== undefined || (flowControlled ? false : undefined),
      peerReason: peerClose?.reason,
      resumableMs: isResumable(reason, error) ? resumableMs : 0,
    });
  }

  /** Whether sent messages may not have arrived. If the peer has not read everything, its system resets the connection. */
  #mayHaveLost(inSession: boolean): boolean {
    if (inSession || this.#destroyedHere || this.#end === undefined) return false;
    const { reason, error } = this.#end;
    const clean = reason === 'peer-closed' || (reason === 'local-close' && error === undefined);
    return !clean || this.transport.unsentBytes > 0;
  }

  #stopTimers(): void {
    this.#deadline?.set(undefined);
    this.#writeStallTimer?.stop();
    this.#readStallTimer?.stop();
  }

  #afterStep(): void {
    if (this.#over) return;
    this.#host.stepDone();
    this.pump();
  }

  #sendClose(reason: string): void {
    this.#session.resumable?.writeClose(reason);
    this.#closeSent = true;
    this.transport.end();
  }

  #maySend(): boolean {
    if (!this.#started || this.#over || this.#closeSent) return false;
    // A peer that has ended may be closing as this end is, and may still read: queued messages are sent to it.
    return !this.#peerEnded || this.#host.closing;
  }

  #sendQueued(): void {
    while (this.#maySend()) {
      const { resumable } = this.#session;
      if (resumable?.hasPendingFrames) {
        if (!this.transport.writable) return;
        this.#writeNext(resumable);
        continue;
      }
      if (this.#host.queuedMessages === 0 || (this.#peerEnded && !this.#session.canSend)) {
        if (this.#peerEnded) this.end();
        else if (resumable === undefined || resumable.allAcknowledged) this.#host.drained();
        return;
      }
      if (!this.#session.canSend || !this.transport.writable) return;
      this.#putOnWire(this.#host.nextQueued() as OutboundMessage);
    }
  }

  #putOnWire(outgoing: OutboundMessage): void {
    this.#sentMessages++;
    try {
      this.#session.send(outgoing);
    } catch (error) {
      this.#fail(error as Error, notWritten);
    }
  }

  #schedule(): void {
    if (this.transport.unsentBytes > 0 && !this.#over) this.#watchWrites();
    const atMs = this.#session.deadlineMs;
    if (atMs === this.#deadline?.atMs || this.#over || this.#peerEnded) return;
    this.#deadline ??= new Deadline(this.#clock, () => this.#deadlineReached());
    this.#deadline.set(atMs);
  }

  #watchWrites(): void {
    this.#writeStallTimer ??= new WriteStallTimer(this, this.#clock, this.#host.settings.writeTimeoutMs);
    this.#writeStallTimer.start();
  }

  #watchedReads(): ReadStallTimer {
    this.#readStallTimer ??= new ReadStallTimer(this, this.#clock, this.#host.settings.frameTimeoutMs);
    return this.#readStallTimer;
  }

  #deadlineReached(): void {
    if (this.#peerEnded) {
      this.transport.destroy(); // the time for the last answers is over
      return;
    }
    if (this.#closeSent) return; // `closeTimeoutMs` bounds how long the peer's end may take
    try {
      this.#session.tick(this.#clock.now(), this.#paused);
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    this.#read();
    this.#afterStep();
  }
}
