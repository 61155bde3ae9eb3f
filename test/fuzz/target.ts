/** Fuzz targets, and the rules that every reader of bytes must keep for every input. */
import {
  allocateMessage,
  type InboundMessage,
  isSerpyError,
  type Protocol,
  type ProtocolTypes,
  type Role,
  type Session,
} from 'serpy-core';
import type { Material, Seed } from './mutator.js';
import type { InputRandom } from './random.js';
import { randomByte } from './session-seeds.js';

/** The result of an input. */
export interface Verdict {
  /** Whether it was rejected with a typed error. */
  refused: boolean;
  /** The number of messages in it. */
  messages: number;
}

/** A reader of bytes. */
export interface Target extends Material {
  readonly name: string;
  /** Corrects outer damage such as a checksum, so that inputs reach the inner layers. */
  mend?(bytes: Buffer, random: InputRandom): Buffer;
  /** Reads an input, which is valid during the call only. Throws if the reader breaks a rule. */
  run(bytes: Buffer, random: InputRandom): Verdict;
  /** Reads an input without ending its stream. @returns an object that holds everything that the reader holds */
  hold?(bytes: Buffer, random: InputRandom): unknown;
}

/** A broken rule. */
export class RuleBroken extends Error {}

type AnySession = Session<unknown, object, InboundMessage, never>;

/** The largest number of bytes that can be allocated per received byte. */
export const mostHeldPerByte = 4;

/** The host of a protocol state machine, which counts the memory that it requests. */
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
    // Damaged messages are reported together, so their memory, at most what has arrived of them, is counted until then.
    if (this.#heldBytes > (mostHeldPerByte + 1) * this.receivedBytes) {
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

  /** No connection uses this state machine. */
  readonly linkHolder = { takeOverLink: () => false, releaseLink: () => undefined };

  warn(error: unknown): void {
    if (!isSerpyError(error)) throw new RuleBroken(`it warned of what is no error of serpy: ${error}`);
    this.letGo(); // a damaged message
  }

  /** A complete message was delivered or dropped, so the state machine no longer holds its memory. */
  letGo(): void {
    this.#heldBytes = 0;
  }
}

/** The fuzzing of a protocol state machine. */
export interface SessionTarget extends Material {
  readonly name: string;
  /** One protocol for all inputs, or one for each. */
  readonly protocol: Protocol<ProtocolTypes> | (() => Protocol<ProtocolTypes>);
  readonly role: Role;
  /** Sends messages before the bytes arrive, for every second input. @returns the number of bytes received for that */
  prepare?(session: AnySession): number | undefined;
  mend?(bytes: Buffer, random: InputRandom): Buffer;
  /** Whether the result must not depend on the cuts. False if it depends on time; `'in time'`: only while no deadline passes. Default true. */
  readonly sameForAllCuts?: boolean | 'in time';
  /** Codes of further errors that it can end with, besides those of every protocol. */
  readonly refusals?: readonly string[];
  /** Whether messages can be retracted, which frees their memory without notice. Then each is counted separately. */
  readonly takesBack?: boolean;
  /** A valid input of a second link after the damaged one, and the number of its messages. */
  readonly afterwards?: { readonly seed: Seed; readonly messages: number };
}

interface Reading extends Verdict {
  /** The codes of the thrown error, and of the error at the end of the stream. */
  readonly codes: string;
}

/** More steps than any input of a few kilobytes needs. */
const mostSteps = 10_000;

const refusals: readonly string[] = ['ERR_SERPY_PROTOCOL', 'ERR_SERPY_TOO_LARGE'];

/** Runs one protocol state machine like the links of core. */
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

  /** Feeds the pieces, ends the stream, and ends the link. */
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

  /** Feeds the pieces, and waits for more. */
  wait(pieces: readonly Buffer[]): this {
    try {
      for (const piece of pieces) this.#feed(piece, false);
    } catch (error) {
      this.#refusalCode(error);
      this.#session.linkDown(false);
    }
    return this;
  }

  /** Starts another link, with valid input. */
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
    this.#readAll();
    session.retainUnread();
    if (late && session.deadlineMs !== undefined) {
      session.tick(session.deadlineMs, false);
      this.#readAll();
    }
    this.#proceed();
  }

  /** Writes pending frames. Their number must be finite. */
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

  #readAll(): void {
    for (let taken = 0; ; taken++) {
      const received = this.#session.read();
      if (received === undefined) return;
      // Several messages can have waited for the last byte of their frame.
      const bytes = this.#account.receivedBytes;
      if (taken > bytes + 1) throw new RuleBroken(`more messages came than bytes: ${taken} of ${bytes}`);
      this.#account.letGo();
      this.#session.resumable?.consumed(received);
      // Like `getData` and `getMessage`.
      if (this.#messages++ % 2 === 0) this.#protocol.message(received);
      else this.#protocol.data(received);
    }
  }
}

export function sessionTarget(target: SessionTarget): Target {
  return {
    ...target,
    run(bytes, random) {
      const late = random.below(2) === 0;
      const prepared = random.below(2) === 0;
      const run = new SessionRun(target, prepared);
      const reading = run.read(cut(bytes, random), late);
      const more = random.below(16);
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
    hold: (bytes, random) => new SessionRun(target, false).wait(cut(bytes, random)),
  };
}

/** One to four pieces, usually one, like the chunks of a socket. */
function cut(bytes: Buffer, random: InputRandom): Buffer[] {
  const count = Math.max(1, random.below(7) - 2);
  if (count === 1 || bytes.length < count) return [bytes];
  const ends = [bytes.length];
  while (ends.length < count) ends.push(random.below(bytes.length));
  ends.sort((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end)).filter(({ length }) => length > 0);
}
