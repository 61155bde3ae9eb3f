/** What a fuzz target is, and the rules that every reader of bytes must keep, whatever comes. */
import {
  allocateMessage,
  type InboundMessage,
  isSerpyError,
  type Protocol,
  type ProtocolTypes,
  type Role,
  type Session,
} from 'serpy-core';
import type { Chance } from './chance.js';
import type { Material, Seed } from './mutator.js';
import { randomByte } from './session-seeds.js';

/** What an input came to. */
export interface Verdict {
  /** Whether it was refused with a typed error. */
  refused: boolean;
  /** How many messages came out of it. */
  messages: number;
}

/** Something that reads bytes. */
export interface Target extends Material {
  readonly name: string;
  /** Puts right what damage made wrong on the surface (a checksum, say), so that what lies below it is reached too. */
  mend?(bytes: Buffer, chance: Chance): Buffer;
  /** Reads an input, which is lent. Throws what is wrong with the reader. */
  run(bytes: Buffer, chance: Chance): Verdict;
  /** Reads an input and does not end its stream: what is returned holds all that its reader holds. */
  hold?(bytes: Buffer, chance: Chance): unknown;
}

/** A rule was broken. */
export class RuleBroken extends Error {}

type AnySession = Session<unknown, object, InboundMessage, never>;

/** So many bytes may be set aside for each byte that came. */
export const mostHeldPerByte = 4;

/** What a session gets from outside, with an account of the memory that it asks for. */
class Account {
  receivedBytes = 0;
  readonly #takesBack: boolean;
  #heldBytes = 0;

  constructor(takesBack: boolean) {
    this.#takesBack = takesBack;
  }

  write(): void {}

  reserve(bytes: number) {
    return { buffer: Buffer.allocUnsafe(bytes), offset: 0 };
  }

  allocate(sizeBytes: number): Buffer {
    this.#heldBytes = sizeBytes + (this.#takesBack ? 0 : this.#heldBytes);
    if (this.#heldBytes > mostHeldPerByte * this.receivedBytes) {
      throw new RuleBroken(`it holds ${this.#heldBytes} bytes of memory after ${this.receivedBytes} received bytes`);
    }
    return allocateMessage(sizeBytes);
  }

  acknowledged(): void {}

  rejected(): void {}

  progress(): void {}

  randomBytes(count: number): Buffer {
    return Buffer.alloc(count, randomByte);
  }

  /** There is no connection around the session. */
  readonly linkHolder = { takeOverLink: () => false, releaseLink: () => undefined };

  warn(error: unknown): void {
    if (!isSerpyError(error)) throw new RuleBroken(`it warned of what is no error of serpy: ${error}`);
    this.letGo(); // a damaged message
  }

  /** What was put together is delivered or dropped: its memory is not the session's any more. */
  letGo(): void {
    this.#heldBytes = 0;
  }
}

/** How a session is fuzzed. */
export interface SessionTarget extends Material {
  readonly name: string;
  /** One for all inputs, or one for each. */
  readonly protocol: Protocol<ProtocolTypes> | (() => Protocol<ProtocolTypes>);
  readonly role: Role;
  /** What our program has said before the bytes come, every second time. Returns how many bytes have come for that. */
  prepare?(session: AnySession): number | undefined;
  mend?(bytes: Buffer, chance: Chance): Buffer;
  /** Whether the same must come out however the input is cut. Not where time decides; `'in time'`: while no deadline passes. Default true. */
  readonly sameForAllCuts?: boolean | 'in time';
  /** Codes of errors that it may end with, besides those of every protocol. */
  readonly refusals?: readonly string[];
  /** Whether messages may be taken back, which lets go of their memory unseen: then each is on the account alone. */
  readonly takesBack?: boolean;
  /** A valid input that a second link brings after the bad one, and how many messages are in it. */
  readonly afterwards?: { readonly seed: Seed; readonly messages: number };
}

interface Reading extends Verdict {
  /** The codes of what was thrown and what the end of the stream left. */
  readonly codes: string;
}

/** More steps than any input of a few kilobytes calls for. */
const mostSteps = 10_000;

const refusals: readonly string[] = ['ERR_SERPY_PROTOCOL', 'ERR_SERPY_TOO_LARGE'];

/** One session, as core's links drive it. */
class SessionRun {
  readonly #target: SessionTarget;
  readonly #protocol: Protocol<ProtocolTypes>;
  readonly #account: Account;
  readonly #session: AnySession;
  #messages = 0;

  constructor(target: SessionTarget, prepared: boolean) {
    this.#target = target;
    this.#account = new Account(target.takesBack ?? false);
    this.#protocol = typeof target.protocol === 'function' ? target.protocol() : target.protocol;
    this.#session = this.#protocol.createSession(target.role, this.#account) as AnySession;
    this.#session.linkUp(0);
    if (prepared) this.#account.receivedBytes += target.prepare?.(this.#session) ?? 0;
  }

  /** Feeds the pieces, ends the stream, loses the link. */
  read(pieces: readonly Buffer[], late: boolean): Reading {
    let refused: string | undefined;
    let left: string | undefined;
    try {
      for (const piece of pieces) this.#feed(piece, late);
      left = this.#session.ended()?.code;
    } catch (error) {
      refused = this.#refusalCode(error);
    }
    this.#session.linkDown(false);
    return { refused: refused !== undefined, messages: this.#messages, codes: `${refused} ${left}` };
  }

  /** Feeds the pieces, and goes on waiting for more. */
  wait(pieces: readonly Buffer[]): this {
    try {
      for (const piece of pieces) this.#feed(piece, false);
    } catch (error) {
      this.#refusalCode(error);
      this.#session.linkDown(false);
    }
    return this;
  }

  /** Another link comes up, and brings what is valid. */
  readAgain({ seed, messages }: NonNullable<SessionTarget['afterwards']>): void {
    this.#messages = 0;
    this.#session.linkUp(1_000_000);
    this.#feed(seed.bytes, false);
    if (this.#messages !== messages) {
      throw new RuleBroken(`on the next link ${this.#messages} of ${messages} good messages came`);
    }
    this.#session.linkDown(false);
  }

  #feed(piece: Buffer, late: boolean): void {
    const session = this.#session;
    this.#account.receivedBytes += piece.length;
    session.receive(piece, 0);
    this.#takeAll();
    session.retainUnread();
    if (late && session.deadlineMs !== undefined) {
      session.tick(session.deadlineMs, false);
      this.#takeAll();
    }
    this.#proceed();
  }

  /** What a session has to say of what came is not without end. */
  #proceed(): void {
    for (let steps = 0; this.#session.resumable?.hasPendingFrames; steps++) {
      if (steps > mostSteps) throw new RuleBroken('it has always more to write');
      this.#session.resumable.writeNext();
    }
  }

  #refusalCode(error: unknown): string {
    const { refusals: own = [] } = this.#target;
    if (isSerpyError(error) && [...refusals, ...own].includes(error.code)) return error.code;
    throw error;
  }

  #takeAll(): void {
    for (let taken = 0; ; taken++) {
      const received = this.#session.read();
      if (received === undefined) return;
      // Several may have waited for the last byte of their frame.
      const bytes = this.#account.receivedBytes;
      if (taken > bytes + 1) throw new RuleBroken(`more messages came than bytes: ${taken} of ${bytes}`);
      this.#account.letGo();
      this.#session.resumable?.consumed(received);
      // What `getData` and `getMessage` would do.
      if (this.#messages++ % 2 === 0) this.#protocol.message(received);
      else this.#protocol.data(received);
    }
  }
}

export function sessionTarget(target: SessionTarget): Target {
  return {
    ...target,
    run(bytes, chance) {
      const late = chance.below(2) === 0;
      const prepared = chance.below(2) === 0;
      const run = new SessionRun(target, prepared);
      const reading = run.read(cut(bytes, chance), late);
      const more = chance.below(16);
      if (more === 0 && target.afterwards) run.readAgain(target.afterwards);
      const { sameForAllCuts = true } = target;
      if (more === 1 && (sameForAllCuts === 'in time' ? !late : sameForAllCuts)) {
        const whole = new SessionRun(target, prepared).read([bytes], late);
        const said = ({ messages, codes }: Reading) => `${messages} messages, ${codes}`;
        if (said(whole) !== said(reading)) {
          throw new RuleBroken(`whole it says ${said(whole)}, in pieces ${said(reading)}`);
        }
      }
      return reading;
    },
    hold: (bytes, chance) => new SessionRun(target, false).wait(cut(bytes, chance)),
  };
}

/** One to four pieces, mostly one, as they come from a socket. */
function cut(bytes: Buffer, chance: Chance): Buffer[] {
  const count = Math.max(1, chance.below(7) - 2);
  if (count === 1 || bytes.length < count) return [bytes];
  const ends = [bytes.length];
  while (ends.length < count) ends.push(chance.below(bytes.length));
  ends.sort((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end)).filter(({ length }) => length > 0);
}
