/**
 * One transport at work: bytes from it through the session into the inbox, messages from the outbox through the session
 * onto it, as fast as the slower end takes them. A link has one life; after a reconnect there is another.
 */

import type { Clock } from '../environment.js';
import type { SerpyError } from '../errors.js';
import type { InboundMessage, OutboundMessage } from '../protocol/message.js';
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

/** How long the last answers to a peer that has said goodbye may take to leave this process. */
const lingerMs = 1000;

/** How many bytes of answers may wait to be sent: a hundred thousand acknowledgements. */
const maxAnswerBytes = 1024 * 1024;

const notWritten = 'what was to be sent could not be written';

export class Link implements TransportHandler {
  readonly transport: Transport;
  readonly #session: AnySession;
  readonly #host: LinkHost;
  readonly #clock: Clock;
  readonly #observer: LinkObserver;
  /** Until then nothing is sent: what an earlier link left unanswered goes first. */
  #started = false;
  #paused = false;
  #reading = false;
  #peerEnded = false;
  #closeSent = false;
  #over = false;
  #end: { reason: DisconnectReason; error: Error | undefined } | undefined;
  /** Messages that were put on it. */
  #sentMessages = 0;
  /** Whether the program ended it without wanting to know what becomes of them. */
  #destroyedHere = false;
  readonly #progress = new LinkProgress();
  /** Whether it has led to something; known when it is over. */
  progressed = false;
  /** Written in answer to what was read, since everything had last left. */
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
      this.#session.linkUp(this.#clock.now());
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    if (this.#mustPause()) this.#pause();
    this.transport.start(this);
    this.#afterStep();
  }

  /** Whether this end reconnects by itself has changed. */
  reconnectsChanged(): void {
    if (!this.#started || this.#over) return;
    this.#session.reconnects?.(this.#observer.reconnects);
    this.pump();
  }

  /** Whether this end does not read at the moment. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Whether it has had its life. */
  get over(): boolean {
    return this.#over;
  }

  /** Bytes of the session for the wire. After goodbye nothing more is said, not even answers. */
  write(piece: Uint8Array): void {
    if (this.#over || this.#closeSent) return;
    if (this.#reading) this.#countAnswer(piece.length);
    this.transport.write(piece);
  }

  /** The same, for a piece that is yet to be made. */
  reserve(bytes: number): WriteSlot {
    if (this.#over || this.#closeSent) return { buffer: Buffer.allocUnsafe(bytes), offset: 0 };
    if (this.#reading) this.#countAnswer(bytes);
    return this.transport.reserve(bytes);
  }

  /** Sends a message past the empty queue, if session and transport take it. */
  sendNow(outgoing: OutboundMessage): boolean {
    if (!this.#maySend() || !this.#session.canSend || !this.transport.writable) return false;
    this.#putOnWire(outgoing);
    if (!this.#over) this.transport.flush();
    this.#schedule();
    return true;
  }

  /** Sends what is queued, as long as session and transport take it. */
  pump(): void {
    this.#sendQueued();
    if (!this.#over) this.transport.flush();
    this.#schedule();
  }

  /** Messages were taken out of the inbox: goes on reading if that had to wait. */
  resumeReading(): void {
    if (!this.#paused || this.#over || !this.#host.inbox.hasRoom) return;
    if (this.#read() && !this.#over) {
      this.#paused = false;
      this.transport.resume();
      if (this.#session.midFrame) this.#watchedReads.restart();
    }
    this.#afterStep();
  }

  /** Says goodbye after all that was written; the peer's own end, or `destroy`, ends the link. */
  end(reason = ''): void {
    if (this.#over || this.#closeSent) return;
    this.#end ??= { reason: 'local-close', error: undefined };
    this.#sendClose(reason);
    this.resumeReading();
  }

  /** Gives its transport away, to another link. It ends without its life being told. */
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

  /** The application took a message: the session may have something to say for it. */
  consumed(): void {
    if (this.#over || this.#reading) return; // what is said while reading is written behind it
    if (this.#session.resumable?.hasPendingFrames) this.pump();
    else this.#schedule();
  }

  /** It has had its time to close: the last words, as far as the system takes them at once, and the end. */
  endNow(reason: string): void {
    const { resumable } = this.#session;
    if (!this.#over && !this.#closeSent && resumable?.flowControlled) this.#sendClose(reason);
    this.destroy('local-close');
  }

  /** Ends it for the program, which does not ask what becomes of the messages. */
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
    if (this.#session.midFrame) this.#watchedReads.bytesArrived(chunk.length);
    else this.#readStallTimer?.idle();
    this.#afterStep();
  }

  get gathered(): boolean {
    return this.#session.gathered === true;
  }

  flushing(): void {
    if (!this.#over && !this.#closeSent) this.#guarded(() => this.#session.flush?.());
  }

  drained(): void {
    this.#answerBytes = 0;
    this.resumeReading();
    this.pump();
  }

  /** The peer is done. What it sent is answered as far as it waits for answers; nothing else is sent to it. */
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
      this.destroy('peer-closed'); // it said nothing: the link broke, and the session may go on
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
    // It was to end. Without a session, that the peer did so in no good order is all that tells that it may not have read everything.
    if (error && this.#end?.reason === 'local-close' && !this.#session.resumable?.flowControlled)
      this.#end.error ??= error;
    this.#end ??= error ? { reason: 'reset', error } : { reason: 'peer-closed', error: undefined };
    this.#finish();
  }

  /** Hands over the messages that are there, as many as may be; whether those are all. */
  #read(evenIfFull = false): boolean {
    if (this.#reading) return false; // a message that is delivered may be taken at once, which asks for more
    this.#reading = true;
    try {
      for (;;) {
        if (this.#over) return false; // the link was given away
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

  /** Nothing more is read while nobody takes it, or while a peer who does not read lets the answers to him pile up. */
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

  /** What is sent is the program's memory, which it may have done anything to: that ends a link at the most. */
  #guarded(send: () => void): void {
    try {
      send();
    } catch (error) {
      this.#fail(error as Error, notWritten);
    }
  }

  #fail(error: Error, what?: string): void {
    const failure = toLinkFailure(error, what);
    // An end that was meant stays one; why it was no good one is told.
    if (this.#end?.reason === 'local-close') this.#end = { reason: 'local-close', error: failure.error };
    else this.#end = failure;
    this.transport.flush(); // the session may have said why
    this.destroy(failure.reason, failure.error);
  }

  #finish(): void {
    if (this.#over) return;
    const failed = this.#end !== undefined && discardsUnread(this.#end.reason);
    // What was read from a link that is gone cannot wait outside: it is delivered even into a full inbox, one chunk at most.
    if (!failed) this.#read(true);
    if (this.#over) return; // those bytes were bad, and ended the link themselves
    this.#over = true;
    this.#stopTimers();
    const missing: SerpyError | undefined = failed ? undefined : this.#session.ended();
    this.progressed = this.#progress.hasProgressed(this.#session.resumable);
    const { peerClose, flowControlled = false, resumableMs = 0 } = this.#session.resumable ?? {};
    const unacknowledgedMessages = this.#mayHaveLost(flowControlled)
      ? (this.#session.unacknowledgedMessages ?? this.#sentMessages)
      : 0;
    this.#host.linkEnding();
    this.#session.linkDown(this.#paused);
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

  /** Whether what was sent may not have arrived. The system of a peer that has not read all it was sent says so: it resets the link. */
  #mayHaveLost(inSession: boolean): boolean {
    if (inSession || this.#destroyedHere || this.#end === undefined) return false;
    const { reason, error } = this.#end;
    const inOrder = reason === 'peer-closed' || (reason === 'local-close' && error === undefined);
    return !inOrder || this.transport.unsentBytes > 0;
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
    // A peer that has ended may be closing as we are, and still read: what is queued goes out to it.
    return !this.#peerEnded || this.#host.closing;
  }

  #sendQueued(): void {
    while (this.#maySend()) {
      const { resumable } = this.#session;
      if (resumable?.hasPendingFrames) {
        if (!this.transport.writable) return;
        this.#guarded(() => resumable.writeNext());
        continue;
      }
      const ready = this.#session.canSend;
      if (this.#host.queuedMessages === 0 || (this.#peerEnded && !ready)) {
        if (this.#peerEnded) this.end();
        else if (resumable === undefined || resumable.allAcknowledged) this.#host.drained();
        return;
      }
      if (!ready || !this.transport.writable) return;
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

  get #watchedReads(): ReadStallTimer {
    this.#readStallTimer ??= new ReadStallTimer(this, this.#clock, this.#host.settings.frameTimeoutMs);
    return this.#readStallTimer;
  }

  #deadlineReached(): void {
    if (this.#peerEnded) {
      this.transport.destroy(); // it has had its time for the last answers
      return;
    }
    if (this.#closeSent) return; // how long the peer may take for its own is `close`'s matter
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
