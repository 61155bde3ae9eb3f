/**
 * One connection around a bare session: what core does with one, without sockets, promises and timers. Its program sends, is
 * sometimes slow to take what came, closes, or dies.
 */
import type { SerpyErrorLike, SessionHost } from 'serpy-core';
import { type Attempt, DeliveryChecker, RecordingHost } from 'serpy-core/testing';
import type { Handshake } from '../../../src/handshake/handshake.js';
import type { ReliableSession } from '../../../src/reliable/reliable-session.js';
import type { SessionRegistry } from '../../../src/session/session-registry.js';
import { type Frame, type SessionOptions, V2Session } from '../../../src/v2-session.js';
import type { DecodedMessage } from '../../../src/values/values.js';
import type { Stream, Wire } from './stream.js';

export type Level = 'received' | 'consumed' | undefined;

/** A message in the hands of its sender. */
export interface Sending {
  readonly n: number;
  readonly frame: Frame;
  readonly attempt: Attempt;
  readonly level: Level;
  /** Whether it went out plainly, so that it is lost with its link. */
  plain: boolean;
}

/** What an end needs of the world around it. */
export interface Surroundings {
  readonly nowMs: number;
  readonly pipeBytes: number;
  randomBytes(count: number): Buffer;
  draw(below: number): number;
  /** The messages that were sent in a session, in order: of one direction. */
  sentIn(id: string, role: 'client' | 'server'): string[];
  /** A message has arrived at an end. */
  arrived(end: End, message: DecodedMessage): void;
  /** Whether the other end of a session's receiver has a message: how an acknowledgement is judged. */
  checkAcknowledged(end: End, sending: Sending): void;
  took(message: DecodedMessage): void;
  /** A link of an end is gone. */
  linkLost(end: End): void;
}

export class End {
  readonly name: string;
  readonly role: 'client' | 'server';
  readonly session: V2Session;
  /** Of what this end sends. */
  readonly checker = new DeliveryChecker();
  readonly sendings = new Map<Frame, Sending>();
  readonly byNumber: Sending[] = [];
  /** How many messages its program has made. */
  count = 0;
  readonly inbox: DecodedMessage[] = [];
  readonly outbox: Sending[] = [];
  wire: Wire | undefined;
  /** Its program wants to end. */
  closing = false;
  said = false;
  /** Nothing happens at it any more. */
  over = false;
  /** The process is gone: it gets no more calls. */
  dead = false;
  /** What is known of the close of the peer. */
  peerReason: string | undefined;
  /** When a client connects again, or a server gives up waiting. */
  wakeMs: number | undefined;
  /** When it closes, whatever is left to be said. */
  closeMs: number | undefined;
  /** How many messages of a session were reported as unknown. */
  unknown = 0;
  /** How many messages of a session have been delivered. */
  readonly deliveredIn = new WeakMap<ReliableSession<Frame>, number>();
  resumes = 0;
  readonly maxInbox: number;
  readonly #world: Surroundings;
  readonly #pieces = new RecordingHost();

  constructor(
    name: string,
    role: 'client' | 'server',
    options: Partial<SessionOptions>,
    world: Surroundings,
    sessions?: SessionRegistry<never>,
  ) {
    this.name = name;
    this.role = role;
    this.#world = world;
    this.maxInbox = options.receiveQueue?.maxMessages ?? 1000;
    const output: SessionHost<Frame> = {
      ...this.#pieces,
      acknowledged: (frame) => this.#settled(frame, 'acknowledged'),
      rejected: (frame) => this.#settled(frame, 'unknown'),
      warn: (error) => this.#warned(error),
      randomBytes: (count) => world.randomBytes(count),
      linkHolder: {
        takeOverLink: (other) => this.#takeLinkOf(other as unknown as { wire: () => Wire | undefined }),
        releaseLink: () => undefined,
        ...{ wire: () => this.#giveLink() },
      },
    };
    const settings = { maxMessageBytes: 64 * 1024 * 1024, session: 'prefer' as const, autoRestart: true, ...options };
    this.session = new V2Session(settings, output, role, sessions);
  }

  describe(): string {
    const { canSend, resumable } = this.session;
    const states = [
      this.wire ? 'a link' : 'no link',
      this.on ? 'a session' : 'no session',
      canSend ? 'may send' : 'must wait',
      resumable?.allAcknowledged === false ? 'unsettled' : 'settled',
      this.closing ? 'closing' : 'open',
      `${this.outbox.length} to send`,
    ];
    return `${this.name}: ${states.join(', ')}`;
  }

  get #lasting(): Handshake<Frame> | undefined {
    return this.session.resumable as Handshake<Frame> | undefined;
  }

  get reliableSession(): ReliableSession<Frame> | undefined {
    return this.#lasting?.session;
  }

  /** Of the session that there is, or was. */
  get sessionId(): string {
    return this.#lasting?.credentials?.id.toString('latin1') ?? '';
  }

  /** Whether messages are numbered now. */
  get on(): boolean {
    return this.wire !== undefined && (this.session.resumable?.flowControlled ?? false);
  }

  /** Whether all before an offset of a session has come that its peer sends. */
  holds(peer: End, offset: number): boolean {
    if (peer === this || this.role === peer.role || this.sessionId !== peer.sessionId) return false;
    return (this.reliableSession?.receiver.received ?? 0) >= offset;
  }

  get out(): Stream {
    return (this.role === 'client' ? this.wire?.toServer : this.wire?.toClient) as Stream;
  }

  get in(): Stream {
    return (this.role === 'client' ? this.wire?.toClient : this.wire?.toServer) as Stream;
  }

  attach(wire: Wire): void {
    if (this.wire) throw new Error(`${this.name} has a link already`);
    this.wire = wire;
    this.said = false;
    this.wakeMs = undefined;
    this.session.linkUp(this.#world.nowMs);
    this.pump();
  }

  /** The program sends something. Its memory is its own again at once where the rules say so. */
  send(bytes: Buffer, text: string | undefined, level: Level): void {
    const n = this.count++;
    const attempt = this.checker.attempted(text ?? bytes);
    let frame: Frame;
    try {
      frame = this.session.encode(text ?? bytes, { acknowledge: level });
    } catch (error) {
      attempt.ended('failed');
      if ((error as SerpyErrorLike).code !== 'ERR_SERPY_OPTION') throw error;
      return; // there is no session to wait in
    }
    const sending = { n, frame, attempt, level, plain: false };
    this.sendings.set(frame, sending);
    this.byNumber[n] = sending;
    if (level === undefined) attempt.ended('accepted');
    this.outbox.push(sending);
    if (this.outbox.length > 1 || !this.pump() || this.outbox.length > 0) this.session.snapshot(frame);
    const copiedBelow = this.on && this.outbox.length === 0 ? 64 * 1024 : 4096;
    if (text === undefined && bytes.length < copiedBelow) bytes.fill(0xee);
  }

  /** Puts on the wire what goes. */
  pump(): true {
    while (this.wire !== undefined && !this.said && !this.over) {
      const { resumable } = this.session;
      const writable = this.out.bytes < this.#world.pipeBytes;
      if (resumable?.hasPendingFrames) {
        if (!writable) break;
        resumable.writeNext();
        this.flush();
        continue;
      }
      const first = this.outbox[0];
      if (first === undefined) {
        if (this.closing && (resumable === undefined || resumable.allAcknowledged)) this.sendClose();
        break;
      }
      if (!this.session.canSend || !writable) break;
      this.outbox.shift();
      if (this.on) this.#world.sentIn(this.sessionId, this.role).push(`${this.name} ${first.n}`);
      else {
        first.plain = true;
        this.out.carriesPlain = true;
      }
      this.session.send(first.frame);
      this.flush();
    }
    this.flush();
    return true;
  }

  flush(): void {
    if (this.wire !== undefined && !this.said) this.session.flush();
    const pieces = this.#pieces.take();
    if (this.wire === undefined || this.said || pieces.length === 0) return;
    this.out.push(Buffer.concat(pieces));
  }

  sendClose(): void {
    if (this.wire === undefined || this.said) return;
    this.session.resumable?.writeClose(`${this.name} is done`);
    this.flush();
    this.said = true;
    this.out.finish('fin');
  }

  /** Bytes arrive. */
  hear(chunk: Buffer): void {
    const { wire } = this;
    try {
      this.session.receive(chunk, this.#world.nowMs);
      this.read();
      if (this.wire !== wire) return;
      this.session.retainUnread();
      chunk.fill(0xdd); // it was lent
    } catch (error) {
      this.fail(error);
      return;
    }
    this.pump();
  }

  read(): void {
    const { wire } = this;
    while (this.wire === wire) {
      const message = this.session.read();
      if (message === undefined) return;
      this.inbox.push(message);
      this.#world.arrived(this, message);
    }
  }

  /** What comes behind the bytes has come. */
  ended(end: 'fin' | 'reset'): void {
    const { resumable } = this.session;
    if (resumable?.peerClose !== undefined) {
      this.peerReason = resumable.peerClose.reason;
      this.sendClose();
    } else if (end === 'fin' && resumable?.flowControlled !== true) {
      this.sendClose();
    }
    this.lose('fin');
  }

  /** The program takes a message. */
  take(): void {
    const message = this.inbox.shift();
    if (message === undefined) return;
    this.#world.took(message);
    this.session.resumable?.consumed(message);
    this.readHeld();
    this.pump();
  }

  /** Messages that had no room, or that a session that is over has left. */
  readHeld(): void {
    try {
      while (this.session.resumable?.readable) {
        const message = this.session.read();
        if (message === undefined) return;
        this.inbox.push(message);
        this.#world.arrived(this, message);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  tick(): void {
    const { deadlineMs } = this.session;
    if (this.wire === undefined || this.said || deadlineMs === undefined || deadlineMs > this.#world.nowMs) return;
    try {
      this.session.tick(this.#world.nowMs);
      this.read();
    } catch (error) {
      this.fail(error);
      return;
    }
    this.pump();
  }

  fail(error: unknown): void {
    if ((error as SerpyErrorLike).code?.startsWith('ERR_SERPY_') !== true) throw error;
    this.lose('reset');
  }

  /** The link is gone for this end; the other one hears of it, or not. */
  lose(how: 'fin' | 'reset' | 'unheard'): void {
    if (this.wire === undefined) return;
    const out = this.out;
    if (how === 'fin') out.finish('fin');
    else if (how === 'reset') out.finish('reset', this.#world.draw(out.bytes + 1));
    this.wire = undefined;
    this.session.linkDown();
    this.flush();
    for (const sending of this.sendings.values()) if (sending.plain) this.#doubt(sending);
    this.readHeld();
    this.#world.linkLost(this);
  }

  /** The connection is over: what is not known to have arrived is reported. */
  finish(): void {
    if (this.over) return;
    this.lose('fin');
    if (this.over) return;
    this.over = true;
    for (const shown of this.session.resumable?.abort() ?? []) this.#markUnknown(shown);
    this.readHeld();
    this.#refuseQueued();
  }

  #refuseQueued(): void {
    for (const { level, attempt } of this.outbox.splice(0)) {
      if (level === undefined) attempt.markUnknown();
      else attempt.ended('failed');
    }
  }

  /** The process is killed. */
  die(): void {
    // What waits for room in the queue has arrived, as what is in it has.
    for (const message of this.reliableSession?.receiver.drain() ?? []) this.#world.arrived(this, message);
    this.over = true;
    this.dead = true;
    this.lose(this.#world.draw(2) === 0 ? 'fin' : 'reset');
    for (const { attempt } of this.byNumber.filter(Boolean)) {
      if (attempt.outcomes.length === 0) attempt.ended('unknown');
      attempt.markUnknown();
    }
  }

  #takeLinkOf(other: { readonly wire: () => Wire | undefined }): boolean {
    this.lose('reset');
    if (this.over) return false;
    const wire = other.wire();
    if (wire === undefined) return false;
    this.resumes++;
    this.attach(wire);
    return true;
  }

  /** To the connection that this client belongs to; nobody has seen this one. */
  #giveLink(): Wire | undefined {
    const { wire } = this;
    this.flush();
    this.wire = undefined;
    this.session.linkDown();
    this.over = true;
    for (const sending of this.sendings.values()) this.#doubt(sending);
    this.#refuseQueued();
    return wire;
  }

  #settled(frame: Frame, outcome: 'acknowledged' | 'unknown'): void {
    const sending = this.sendings.get(frame) as Sending;
    sending.attempt.ended(outcome);
    if (sending.attempt.outcomes.length > 1) throw new Error(`${this.name}: the send of ${sending.n} settled twice`);
    if (outcome === 'acknowledged') this.#world.checkAcknowledged(this, sending);
  }

  #warned(error: SerpyErrorLike): void {
    if (error.code === 'ERR_SERPY_DELIVERY_UNKNOWN') {
      for (const shown of (error as unknown as { messages: readonly unknown[] }).messages) this.#markUnknown(shown);
    } else if (error.code === 'ERR_SERPY_VALUE') {
      throw new Error(`${this.name} says that bytes were changed, and nobody has: ${error.message}`);
    }
  }

  /** This message may be lost. */
  #markUnknown(shown: unknown): void {
    const { value } = shown as { value: Buffer | string };
    const n = typeof value === 'string' ? Number(value.split(' ')[0]) : value.readUInt32LE();
    const sending = this.byNumber[n];
    if (sending === undefined) throw new Error(`${this.name} tells of message ${n}, which it never sent`);
    sending.attempt.markUnknown();
    this.unknown++;
  }

  #doubt(sending: Sending): void {
    if (!sending.plain) return;
    sending.attempt.markUnknown();
    sending.plain = false;
  }
}
