/**
 * What happens on a link while it has no session: messages, HELLO and WELCOME. The decoder and the handshake ask this object: with objects of closures for
 * both, each connection took 1,000 bytes more.
 */
import type { Role } from 'serpy-core';
import type { Decoder, GreetingDetector } from '../decoder.js';
import { decodeAboutFrame } from '../reliable/about-frame.js';
import type { UnknownMessage } from '../reliable/sender.js';
import { messageOf, readable } from '../values/values.js';
import { aboutType, frameType, requestType, streamType } from '../wire/constants.js';
import type { SessionMode } from './handshake-options.js';
import type { HandshakeHost } from './handshake-state.js';
import { detectGreeting, type GreetingKind, maxGreetingBytes } from './hello-welcome.js';

/** A HELLO or WELCOME that the decoder has detected. */
export interface Greeting {
  readonly kind: GreetingKind;
  readonly payload: Buffer;
}

/** Answers a probe, with which a client asks for the protocol. */
interface ProbeAnswerer {
  answerProbe(nowMs: number): void;
}

export class PlainLink implements GreetingDetector, HandshakeHost {
  plainReceived = 0;
  plainSent = 0;
  nowMs = 0;
  greeting: Greeting | undefined;
  /** Client without sessions: whether the server's offer of one may still arrive. */
  declinesOffer = false;
  /** The decoder of this link. */
  decoder: Decoder | undefined;
  readonly #mode: SessionMode;
  readonly #role: Role;
  readonly #answerer: ProbeAnswerer;

  constructor(mode: SessionMode, role: Role, answerer: ProbeAnswerer) {
    this.#mode = mode;
    this.#role = role;
    this.#answerer = answerer;
  }

  /** The link is down. */
  reset(): void {
    this.greeting = undefined;
    this.plainReceived = 0;
    this.plainSent = 0;
    this.declinesOffer = false;
  }

  /** Whether a client may still start a session on this link. */
  get canStartSession(): boolean {
    return this.#mode !== 'off' && this.plainReceived === 0;
  }

  // Called by the decoder.

  get maxBytes(): number {
    if (this.#mode === 'off') return this.declinesOffer ? maxGreetingBytes : 0;
    const mayArrive = this.#role === 'server' ? this.canStartSession : this.plainSent === 0;
    return mayArrive ? maxGreetingBytes : 0;
  }

  detect(statedSum: number, sum: number, payload: Buffer): boolean {
    if (this.#mode === 'off' && !this.declinesOffer) return false;
    const kind = detectGreeting(statedSum, sum, payload);
    if (kind !== undefined) this.greeting = { kind, payload: Buffer.from(payload) };
    return kind !== undefined;
  }

  probed(): void {
    if (this.#role === 'server' && this.plainSent === 0) this.#answerer.answerProbe(this.nowMs);
  }

  // Called by the handshake.

  pushPlain(bytes: Buffer): void {
    this.decoder?.push(bytes);
  }

  get toValue(): (message: UnknownMessage) => unknown {
    return toValue;
  }
}

/** A message as the program knows it; undefined for a part of a stream or a request. */
function toValue(message: UnknownMessage): unknown {
  const { type, prefix, payload } = message;
  if (type === streamType || type === requestType) return undefined;
  if (type !== aboutType) return messageOf(message);
  if (payload.length === 0 && prefix === undefined) return messageOf({ type: frameType.bytes, payload }); // its memory is gone
  return readable(decodeAboutFrame(Buffer.concat(prefix ? [prefix, payload] : [payload]), 0));
}
