/**
 * Checks the delivery of messages. Tests report what was sent, how each send ended and what arrived where; the checker describes each
 * violation in a sentence. It has no clock and no network, so it suits a simulation and a run of days.
 */
import { createHash } from 'node:crypto';
import type { ErrorCode } from '../errors.js';

/**
 * How a send ended:
 * - `'accepted'`: the message is in flight, without a promise of delivery
 * - `'acknowledged'`: the peer has the message
 * - `'failed'`: the message was not sent, and will not be
 * - `'unknown'`: the message may or may not arrive
 */
export type SendOutcome = 'accepted' | 'acknowledged' | 'failed' | 'unknown';

/** What a checker requires. */
export interface CheckerOptions {
  /** Whether messages keep their order at each receiver, or over all receivers, as in a session over several links. Default `'receiver'`. */
  readonly order?: 'receiver' | 'stream';
}

/** What a verification allows. */
export interface VerifyOptions {
  /** The number of accepted messages that may be missing, because that was reported or because links broke. Default `Infinity`. */
  readonly allowMissing?: number;
}

/** 100 faults are described: a run of days can end with millions. */
const maxFaults = 100;

/** One send. The test reports how it ends. */
export class Attempt {
  /** The number of the message, from 1, in the order of the attempts. */
  readonly n: number;
  /** Whether the message may also arrive at another receiver, because it is sent again until it is acknowledged. */
  readonly repeats: boolean;
  /** How the send ended: exactly one outcome, if nothing is wrong. */
  readonly outcomes: SendOutcome[] = [];
  /** The receivers at which the message arrived. */
  readonly receivers: string[] = [];
  #doubted = false;

  constructor(n: number, repeats: boolean) {
    this.n = n;
    this.repeats = repeats;
  }

  /** The promise of the send settled. */
  ended(outcome: SendOutcome): void {
    this.outcomes.push(outcome);
  }

  /** The message was accepted, and a later warning reported that it may be lost. */
  markUnknown(): void {
    this.#doubted = true;
  }

  get doubted(): boolean {
    return this.#doubted;
  }
}

/**
 * ```ts
 * const checker = new DeliveryChecker();
 * const attempt = checker.attempted('hello');
 * attempt.ended('acknowledged');
 * checker.received('the server', 'hello');
 * console.log(checker.verify()); // []
 * ```
 */
export class DeliveryChecker {
  readonly #order: 'receiver' | 'stream';
  readonly #attempts = new Map<string, Attempt>();
  /** The last message of each receiver; with the order `'stream'`, one entry for all. */
  readonly #last = new Map<string, number>();
  readonly #faults: string[] = [];
  #faultCount = 0;

  constructor({ order = 'receiver' }: CheckerOptions = {}) {
    this.#order = order;
  }

  /** A message is sent. No two messages may have the same bytes, which identify them. */
  attempted(message: Uint8Array | string, { repeats = false }: { readonly repeats?: boolean } = {}): Attempt {
    const hash = hashOf(message);
    const known = this.#attempts.get(hash);
    if (known) throw new Error(`message ${known.n} has the same bytes: a checker cannot tell the two apart`);
    const attempt = new Attempt(this.#attempts.size + 1, repeats);
    this.#attempts.set(hash, attempt);
    return attempt;
  }

  /** A message arrived. `receiver` is the name of one end of a link, or of a connection over several links. */
  received(receiver: string, message: Uint8Array | string): void {
    const hash = hashOf(message);
    const attempt = this.#attempts.get(hash);
    if (attempt === undefined) {
      this.#fault(`${receiver} received an unknown message: ${message.length} bytes, SHA-256 ${hash.slice(0, 16)}…`);
      return;
    }
    const { n, receivers } = attempt;
    if (receivers.includes(receiver)) this.#fault(`message ${n} arrived twice at ${receiver}`);
    else if (receivers.length > 0 && !attempt.repeats) {
      this.#fault(`message ${n} arrived at ${receivers[0]}, and again at ${receiver}`);
    } else this.#checkOrder(receiver, attempt);
    receivers.push(receiver);
  }

  /** The number of messages that have arrived, each counted once. */
  get arrived(): number {
    let arrived = 0;
    for (const { receivers } of this.#attempts.values()) if (receivers.length > 0) arrived++;
    return arrived;
  }

  /** Every fault as a sentence. Call it when no message is in flight any more. */
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
    if (this.#order === 'stream' && receivers.length > 0) return; // only the first arrival counts
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

/** The codes after which a message that waited for its acknowledgement may have arrived. */
const unknownCodes: readonly ErrorCode[] = ['ERR_SERPY_LOST', 'ERR_SERPY_ABORTED'];

/**
 * The outcome of a `sendData`.
 * @param acknowledged whether it requested an acknowledgement
 * @param result the value that it resolved with, or the `code` of the error that it rejected with
 */
export function outcomeOfSend(acknowledged: boolean, result: boolean | string): SendOutcome {
  if (result === true) return acknowledged ? 'acknowledged' : 'accepted';
  if (acknowledged && (result === false || unknownCodes.some((code) => code === result))) return 'unknown';
  return 'failed';
}

function hashOf(message: Uint8Array | string): string {
  return createHash('sha256').update(message).digest('hex');
}
