/**
 * Judges what became of messages: it is told what was sent, how each send ended and what arrived where, and says in sentences what
 * must not be. It has no clock and no network, so that it serves a simulation and a run of days alike.
 */
import { createHash } from 'node:crypto';
import type { ErrorCode } from '../errors.js';

/**
 * How a send ended:
 * - `'accepted'`: it is on its way, and nothing more is promised
 * - `'acknowledged'`: the peer has it
 * - `'failed'`: it was not sent, and will not be
 * - `'unknown'`: it may or may not arrive
 */
export type SendOutcome = 'accepted' | 'acknowledged' | 'failed' | 'unknown';

/** How a checker judges. */
export interface CheckerOptions {
  /** Whether messages keep their order at each receiver, or over all of them, as where a session outlives its links. Default `'receiver'`. */
  readonly order?: 'receiver' | 'stream';
}

/** What a judgement allows. */
export interface VerifyOptions {
  /** How many accepted messages may be missing, because that was told or because links broke. Default `Infinity`. */
  readonly allowMissing?: number;
}

/** So many faults are told in full: a run of days may end with millions. */
const maxFaults = 100;

/** One send, to be told how it ends. */
export class Attempt {
  /** Number of the message, from 1, in the order of the attempts. */
  readonly n: number;
  /** Whether it may arrive again at another receiver, as what is sent again until it is acknowledged. */
  readonly repeats: boolean;
  /** How it ended: once, if all is well. */
  readonly outcomes: SendOutcome[] = [];
  /** At which receivers it arrived. */
  readonly receivers: string[] = [];
  #doubted = false;

  constructor(n: number, repeats: boolean) {
    this.n = n;
    this.repeats = repeats;
  }

  /** Its promise settled. */
  ended(outcome: SendOutcome): void {
    this.outcomes.push(outcome);
  }

  /** It had been accepted, and its sender was told later that it may be lost. */
  markUnknown(): void {
    this.#doubted = true;
  }

  get doubted(): boolean {
    return this.#doubted;
  }
}

/**
 * ```ts
 * const checker = new Checker();
 * const attempt = checker.attempted('hello');
 * attempt.ended('acknowledged');
 * checker.received('the server', 'hello');
 * console.log(checker.judge()); // []
 * ```
 */
export class DeliveryChecker {
  readonly #order: 'receiver' | 'stream';
  readonly #attempts = new Map<string, Attempt>();
  /** The last message of each receiver, or under one name of all. */
  readonly #last = new Map<string, number>();
  readonly #faults: string[] = [];
  #faultCount = 0;

  constructor({ order = 'receiver' }: CheckerOptions = {}) {
    this.#order = order;
  }

  /** A message is sent. No other may have the same bytes: that is how it is known again. */
  attempted(message: Uint8Array | string, { repeats = false }: { readonly repeats?: boolean } = {}): Attempt {
    const hash = hashOf(message);
    const known = this.#attempts.get(hash);
    if (known) throw new Error(`message ${known.n} has the same bytes: a checker cannot tell the two apart`);
    const attempt = new Attempt(this.#attempts.size + 1, repeats);
    this.#attempts.set(hash, attempt);
    return attempt;
  }

  /** A message arrived. The receiver is a name: of one end of one link, or of a connection that lives through many. */
  received(receiver: string, message: Uint8Array | string): void {
    const hash = hashOf(message);
    const attempt = this.#attempts.get(hash);
    if (attempt === undefined) {
      this.#fault(`${receiver} received what nobody sent: ${message.length} bytes, SHA-256 ${hash.slice(0, 16)}…`);
      return;
    }
    const { n, receivers } = attempt;
    if (receivers.includes(receiver)) this.#fault(`message ${n} arrived twice at ${receiver}`);
    else if (receivers.length > 0 && !attempt.repeats) {
      this.#fault(`message ${n} arrived at ${receivers[0]}, and again at ${receiver}`);
    } else this.#checkOrder(receiver, attempt);
    receivers.push(receiver);
  }

  /** How many messages have arrived, each counted once. */
  get arrived(): number {
    let arrived = 0;
    for (const { receivers } of this.#attempts.values()) if (receivers.length > 0) arrived++;
    return arrived;
  }

  /** Every fault, as a sentence. To be asked when nothing is under way any more. */
  verify({ allowMissing = Number.POSITIVE_INFINITY }: VerifyOptions = {}): string[] {
    const before = { faults: this.#faults.length, count: this.#faultCount };
    const missing: number[] = [];
    for (const attempt of this.#attempts.values()) {
      this.#judgeOne(attempt);
      const accepted = attempt.outcomes.includes('accepted') && !attempt.doubted;
      if (accepted && attempt.receivers.length === 0) missing.push(attempt.n);
    }
    if (missing.length > allowMissing) {
      const shown = `${missing.slice(0, 10).join(', ')}${missing.length > 10 ? ' …' : ''}`;
      this.#fault(`${missing.length} accepted messages have not arrived, and ${allowMissing} may be missing: ${shown}`);
    }
    const more = this.#faultCount - this.#faults.length;
    const all = more > 0 ? [...this.#faults, `and ${more} more`] : [...this.#faults];
    this.#faults.length = before.faults;
    this.#faultCount = before.count;
    return all;
  }

  #judgeOne({ n, outcomes, receivers }: Attempt): void {
    if (outcomes.length === 0) this.#fault(`the send of message ${n} has not ended`);
    if (outcomes.length > 1)
      this.#fault(`the send of message ${n} ended ${outcomes.length} times: ${outcomes.join(', ')}`);
    if (outcomes.includes('acknowledged') && receivers.length === 0) {
      this.#fault(`message ${n} was acknowledged and has not arrived`);
    }
    if (outcomes.includes('failed') && receivers.length > 0) {
      this.#fault(`message ${n} arrived at ${receivers[0]} although its send had failed`);
    }
  }

  #checkOrder(receiver: string, { n, receivers }: Attempt): void {
    if (this.#order === 'stream' && receivers.length > 0) return; // it had its turn when it first arrived
    const where = this.#order === 'stream' ? '' : receiver;
    const last = this.#last.get(where) ?? 0;
    if (n < last) this.#fault(`message ${n} arrived at ${receiver} after message ${last}, which was sent later`);
    this.#last.set(where, Math.max(n, last));
  }

  #fault(sentence: string): void {
    this.#faultCount++;
    if (this.#faults.length < maxFaults) this.#faults.push(sentence);
  }
}

/** What the code of an error says of a message whose acknowledgement was waited for. */
const unknownCodes: readonly ErrorCode[] = ['ERR_SERPY_LOST', 'ERR_SERPY_ABORTED'];

/**
 * What the end of a `sendData` says of its message.
 * @param acknowledged whether an acknowledgement was asked for
 * @param result what it resolved with, or the `code` of what it rejected with
 */
export function outcomeOfSend(acknowledged: boolean, result: boolean | string): SendOutcome {
  if (result === true) return acknowledged ? 'acknowledged' : 'accepted';
  if (acknowledged && (result === false || unknownCodes.some((code) => code === result))) return 'unknown';
  return 'failed';
}

function hashOf(message: Uint8Array | string): string {
  return createHash('sha256').update(message).digest('hex');
}
