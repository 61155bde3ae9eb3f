/** What a fuzz target is, and the rules that every reader of bytes must keep, whatever comes. */
import {
  isSerpyError,
  messageMemory,
  type Protocol,
  type ProtocolTypes,
  type Received,
  type Role,
  type Session,
} from 'serpy-core';
import type { Chance } from './chance.js';
import type { Material, Seed } from './mutator.js';

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

type AnySession = Session<unknown, object, Received, never>;

/** So many bytes may be set aside for each byte that came. */
export const mostHeldPerByte = 4;

/** What a session gets from outside, with an account of the memory that it asks for. */
class Account {
  receivedBytes = 0;
  #heldBytes = 0;

  write(): void {}

  reserve(bytes: number) {
    return { memory: Buffer.allocUnsafe(bytes), start: 0 };
  }

  allocate(sizeBytes: number): Buffer {
    this.#heldBytes += sizeBytes;
    if (this.#heldBytes > mostHeldPerByte * this.receivedBytes) {
      throw new RuleBroken(`it holds ${this.#heldBytes} bytes of memory after ${this.receivedBytes} received bytes`);
    }
    return messageMemory(sizeBytes);
  }

  acknowledged(): void {}

  rejected(): void {}

  progress(): void {}

  randomBytes(count: number): Buffer {
    return Buffer.alloc(count, 7);
  }

  /** There is no connection around the session. */
  readonly seat = { takeLinkOf: () => false, giveLink: () => undefined };

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
  readonly protocol: Protocol<ProtocolTypes>;
  readonly role: Role;
  /** What our program has said before the bytes come, every second time. */
  prepare?(session: AnySession): void;
  mend?(bytes: Buffer, chance: Chance): Buffer;
  /** Whether the same must come out however the input is cut. Not where time decides. Default true. */
  readonly sameForAllCuts?: boolean;
  /** A valid input that a second link brings after the bad one, and how many messages are in it. */
  readonly afterwards?: { readonly seed: Seed; readonly messages: number };
}

interface Reading extends Verdict {
  /** The codes of what was thrown and what the end of the stream left. */
  readonly codes: string;
}

const refusals: readonly string[] = ['ERR_SERPY_PROTOCOL', 'ERR_SERPY_TOO_LARGE'];

/** One session, as core's links drive it. */
class SessionRun {
  readonly #target: SessionTarget;
  readonly #account = new Account();
  readonly #session: AnySession;
  #messages = 0;

  constructor(target: SessionTarget, prepared: boolean) {
    this.#target = target;
    this.#session = target.protocol.createSession(target.role, this.#account) as AnySession;
    this.#session.up(0);
    if (prepared) target.prepare?.(this.#session);
  }

  /** Feeds the pieces, ends the stream, loses the link. */
  read(pieces: readonly Buffer[], late: boolean): Reading {
    let refused: string | undefined;
    let left: string | undefined;
    try {
      for (const piece of pieces) this.#feed(piece, late);
      left = this.#session.ended()?.code;
    } catch (error) {
      refused = refusalCode(error);
    }
    this.#session.lost();
    return { refused: refused !== undefined, messages: this.#messages, codes: `${refused} ${left}` };
  }

  /** Feeds the pieces, and goes on waiting for more. */
  wait(pieces: readonly Buffer[]): this {
    try {
      for (const piece of pieces) this.#feed(piece, false);
    } catch (error) {
      refusalCode(error);
      this.#session.lost();
    }
    return this;
  }

  /** Another link comes up, and brings what is valid. */
  readAgain({ seed, messages }: NonNullable<SessionTarget['afterwards']>): void {
    this.#messages = 0;
    this.#session.up(1_000_000);
    this.#feed(seed.bytes, false);
    if (this.#messages !== messages) {
      throw new RuleBroken(`on the next link ${this.#messages} of ${messages} good messages came`);
    }
    this.#session.lost();
  }

  #feed(piece: Buffer, late: boolean): void {
    const session = this.#session;
    this.#account.receivedBytes += piece.length;
    session.receive(piece, 0);
    this.#takeAll(piece.length);
    session.keep();
    if (late && session.deadlineMs !== undefined) {
      session.tick(session.deadlineMs, false);
      this.#takeAll(piece.length);
    }
  }

  #takeAll(bytes: number): void {
    for (let taken = 0; ; taken++) {
      const received = this.#session.read();
      if (received === undefined) return;
      if (taken > bytes + 1) throw new RuleBroken(`more messages came than bytes: ${taken} of ${bytes}`);
      this.#account.letGo();
      // What `getData` and `getMessage` would do.
      if (this.#messages++ % 2 === 0) this.#target.protocol.message(received);
      else this.#target.protocol.data(received);
    }
  }
}

function refusalCode(error: unknown): string {
  if (isSerpyError(error) && refusals.includes(error.code)) return error.code;
  throw error;
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
      if (more === 1 && target.sameForAllCuts !== false) {
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
