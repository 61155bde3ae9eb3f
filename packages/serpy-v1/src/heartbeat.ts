/**
 * Detects a v1 peer that no longer answers. A server must answer a mode change that is the first block on a link. If heartbeats are
 * enabled, a peer must send something within the heartbeat timeout. Received bytes prove that the peer is alive, sent bytes do not. The
 * class has no clock: the caller passes the time.
 */
import { PeerTimeoutError, type Role } from 'serpy-core';

/** The timeouts of a peer that does not answer. */
export interface LivenessSetting {
  /**
   * Milliseconds without received bytes after which this end sends a heartbeat. After three times as long the link is closed.
   * 0 disables heartbeats. Default 0.
   */
  readonly heartbeatIntervalMs: number;
  /**
   * Client: milliseconds within which the server must answer a mode change that is the first block on a link. 0 disables the timeout.
   * Default 5,000.
   */
  readonly modeChangeTimeoutMs: number;
}

/** Heartbeat intervals without received bytes after which the link is closed. */
const maxMissedHeartbeats = 3;

export class Heartbeat {
  readonly #heartbeatIntervalMs: number;
  readonly #modeChangeTimeoutMs: number;
  #receivedMs = 0;
  /** When the heartbeat was sent that the peer has not answered. */
  #pingedMs: number | undefined;
  /** The answer to the first mode change: not expected; expected, its timeout starts at the next `tick`; or expected by this time. */
  #answer: 'no' | 'expected' | number = 'no';
  #deadlineMs: number | undefined;

  constructor(role: Role, { heartbeatIntervalMs = 0, modeChangeTimeoutMs = 0 }: Partial<LivenessSetting>) {
    this.#heartbeatIntervalMs = heartbeatIntervalMs;
    // Only for clients: the receive queue of a client that reconnected may be full, and it then reads nothing. A server's queue is empty on a new link.
    this.#modeChangeTimeoutMs = role === 'client' ? modeChangeTimeoutMs : 0;
  }

  /** When `tick` is due. Bytes that are not an expected answer do not move it: an early `tick` costs less than a new deadline for each chunk. */
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

  /** The first block on the link is a mode change. */
  modeChangeSent(): void {
    if (this.#modeChangeTimeoutMs === 0) return;
    this.#answer = 'expected';
    this.#deadlineMs = this.#receivedMs; // due at once: the time is not known here
  }

  /** Bytes arrived. */
  onReceived(nowMs: number): void {
    const expected = this.#pingedMs !== undefined || this.#answer !== 'no';
    this.#receivedMs = nowMs;
    this.#pingedMs = undefined;
    this.#answer = 'no';
    if (expected) this.#plan();
  }

  /**
   * Checks the timeouts.
   * @param paused whether reading is paused. Bytes of the peer may then wait in the socket.
   * @returns whether to send a heartbeat
   * @throws `PeerTimeoutError` if the peer has not answered in time
   */
  tick(nowMs: number, paused: boolean): boolean {
    if (paused) {
      if (this.#answer !== 'no') this.#answer = nowMs + this.#modeChangeTimeoutMs;
      this.#restart(nowMs);
      return false;
    }
    if (this.#answer === 'expected') this.#answer = nowMs + this.#modeChangeTimeoutMs;
    else if (this.#answer !== 'no' && nowMs >= this.#answer) throw noAnswerError(this.#modeChangeTimeoutMs);
    const due = this.#heartbeatDue(nowMs);
    this.#plan();
    return due;
  }

  #heartbeatDue(nowMs: number): boolean {
    if (this.#heartbeatIntervalMs === 0) return false;
    if (this.#pingedMs !== undefined) {
      if (nowMs >= this.#timedOutMs(this.#pingedMs)) throw noHeartbeatError(this.#heartbeatIntervalMs);
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
    const heartbeat =
      this.#pingedMs === undefined ? this.#receivedMs + this.#heartbeatIntervalMs : this.#timedOutMs(this.#pingedMs);
    const times = this.#heartbeatIntervalMs > 0 ? [heartbeat] : [];
    if (this.#answer !== 'no') times.push(this.#answer === 'expected' ? this.#receivedMs : this.#answer);
    this.#deadlineMs = times.length > 0 ? Math.min(...times) : undefined;
  }

  /** Counts from the heartbeat and not from the last received bytes: a busy program may send the heartbeat late. */
  #timedOutMs(pingedMs: number): number {
    return pingedMs + (maxMissedHeartbeats - 1) * this.#heartbeatIntervalMs;
  }
}

function noAnswerError(modeChangeTimeoutMs: number): PeerTimeoutError {
  return new PeerTimeoutError(
    `the server accepted the connection and did not answer a mode change (SETMODE) within ${modeChangeTimeoutMs} ms (modeChangeTimeoutMs). ` +
      "Check that a v1 server runs on this port and that its program is not blocked. If the server speaks v2, use serpy-v2, or protocol: 'v2'",
  );
}

function noHeartbeatError(heartbeatIntervalMs: number): PeerTimeoutError {
  return new PeerTimeoutError(
    `the peer sent nothing for ${maxMissedHeartbeats * heartbeatIntervalMs} ms and did not answer a heartbeat (heartbeatIntervalMs: ${heartbeatIntervalMs}). ` +
      'Check the cable, and that the program at the other end runs and reads its messages. If it may be busy for that long, raise heartbeatIntervalMs',
  );
}
