/**
 * Whether the peer of a v1 conversation is alive: it must answer a change of mode that opens the conversation, and, where
 * heart-beats are asked for, say something now and then. Told the time, it knows no clock; whatever comes in is a sign of life,
 * what goes out is none.
 */
import { PeerTimeoutError, type Role } from 'serpy-core';

/** How long a peer may be silent. */
export interface LivenessSetting {
  /** After how long a silence the peer is asked for a sign of life; after three times as long the link is dead. 0 for never. Default 0. */
  readonly heartbeatIntervalMs: number;
  /** Client: how long the answer to a change of mode may take that is the first it sends on a link; 0 for as long as it takes. Default 5,000. */
  readonly modeChangeTimeoutMs: number;
}

/** A peer that has said nothing for so many heart-beats is dead. */
const maxMissedHeartbeats = 3;

export class Heartbeat {
  readonly #heartbeatIntervalMs: number;
  readonly #modeChangeTimeoutMs: number;
  #receivedMs = 0;
  /** When it was last asked for a sign of life that has not come. */
  #pingedMs: number | undefined;
  /** The first answer: not expected, expected from the next look at the clock on, or by a certain time. */
  #answer: 'no' | 'expected' | number = 'no';
  #deadlineMs: number | undefined;

  constructor(role: Role, { heartbeatIntervalMs = 0, modeChangeTimeoutMs = 0 }: Partial<LivenessSetting>) {
    this.#heartbeatIntervalMs = heartbeatIntervalMs;
    // A client that dialled again may have a full queue, and then it reads nothing; a server's is empty on each new link.
    this.#modeChangeTimeoutMs = role === 'client' ? modeChangeTimeoutMs : 0;
  }

  /** When `tick` wants to be called. Bytes that nobody asked for do not move it: to do so for each takes longer than to look in vain. */
  get deadlineMs(): number | undefined {
    return this.#deadlineMs;
  }

  linkUp(nowMs: number): void {
    this.#answer = 'no';
    this.#restart(nowMs);
  }

  linkDown(): void {
    this.#deadlineMs = undefined;
  }

  /** The conversation was opened with a change of mode. */
  modeChangeSent(): void {
    if (this.#modeChangeTimeoutMs === 0) return;
    this.#answer = 'expected';
    this.#deadlineMs = this.#receivedMs; // at once: the time is not known here
  }

  /** Bytes came in. */
  onReceived(nowMs: number): void {
    const expected = this.#pingedMs !== undefined || this.#answer !== 'no';
    this.#receivedMs = nowMs;
    this.#pingedMs = undefined;
    this.#answer = 'no';
    if (expected) this.#plan();
  }

  /**
   * Looks at the clock, and says whether the peer is to be asked for a sign of life. Throws a `PeerTimeoutError` when it should have given one.
   * @param paused nothing is read at the moment: what the peer may have said waits outside
   */
  tick(nowMs: number, paused: boolean): boolean {
    if (paused) {
      if (this.#answer !== 'no') this.#answer = nowMs + this.#modeChangeTimeoutMs;
      this.#restart(nowMs);
      return false;
    }
    if (this.#answer === 'expected') this.#answer = nowMs + this.#modeChangeTimeoutMs;
    else if (this.#answer !== 'no' && nowMs >= this.#answer) throw noAnswerError(this.#modeChangeTimeoutMs);
    const ask = this.#heartbeatDue(nowMs);
    this.#plan();
    return ask;
  }

  #heartbeatDue(nowMs: number): boolean {
    if (this.#heartbeatIntervalMs === 0) return false;
    if (this.#pingedMs !== undefined) {
      if (nowMs >= this.#deadMs(this.#pingedMs)) throw noHeartbeatError(this.#heartbeatIntervalMs);
      return false;
    }
    if (nowMs < this.#receivedMs + this.#heartbeatIntervalMs) return false;
    this.#pingedMs = nowMs;
    return true;
  }

  #restart(nowMs: number): void {
    this.#receivedMs = nowMs;
    this.#pingedMs = undefined;
    this.#plan();
  }

  #plan(): void {
    const beat =
      this.#pingedMs === undefined ? this.#receivedMs + this.#heartbeatIntervalMs : this.#deadMs(this.#pingedMs);
    const times = this.#heartbeatIntervalMs > 0 ? [beat] : [];
    if (this.#answer !== 'no') times.push(this.#answer === 'expected' ? this.#receivedMs : this.#answer);
    this.#deadlineMs = times.length > 0 ? Math.min(...times) : undefined;
  }

  /** Counted from when it was asked: it may have been late, in a program that was busy. */
  #deadMs(askedMs: number): number {
    return askedMs + (maxMissedHeartbeats - 1) * this.#heartbeatIntervalMs;
  }
}

function noAnswerError(modeChangeTimeoutMs: number): PeerTimeoutError {
  return new PeerTimeoutError(
    `the server took the connection, and did not answer a change of mode (SETMODE) within ${modeChangeTimeoutMs} ms (modeChangeTimeoutMs): ` +
      "does it speak v1, and does its program run? If it speaks v2, use serpy-v2, or protocol: 'v2'",
  );
}

function noHeartbeatError(heartbeatIntervalMs: number): PeerTimeoutError {
  return new PeerTimeoutError(
    `the peer has sent nothing for ${maxMissedHeartbeats * heartbeatIntervalMs} ms, not even an answer to a sign of life (heartbeatIntervalMs: ${heartbeatIntervalMs}): ` +
      'is the cable in, does its program run, and does it take its messages? If it may rest for so long, raise heartbeatIntervalMs',
  );
}
