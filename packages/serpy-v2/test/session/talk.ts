/** Two v2 sessions in the hands of a test, and every byte between them. */
import type { SerpyErrorLike, SessionHost } from 'serpy-core';
import { RecordingHost } from 'serpy-core/testing';
import type { Handshake } from '../../src/handshake/handshake.js';
import { SessionRegistry } from '../../src/session/session-registry.js';
import { type Frame, type SessionOptions, V2Session } from '../../src/v2-session.js';
import type { DecodedMessage, Value } from '../../src/values/values.js';

/** One end. */
export class End {
  readonly session: V2Session;
  readonly messages: DecodedMessage[] = [];
  readonly warnings: SerpyErrorLike[] = [];
  readonly acknowledged: Frame[] = [];
  readonly rejected: Frame[] = [];
  /** Whether the application takes messages as they come. */
  takes = true;
  /** What the session threw, which ended its link. */
  error: SerpyErrorLike | undefined;
  /** At a server: called with the session that a client has come back to. */
  resumed: ((end: End) => void) | undefined;
  nowMs = 0;
  #taken = 0;
  readonly #pieces = new RecordingHost();
  #bytesOut: Buffer[] = [];

  constructor(role: 'client' | 'server', options: Partial<SessionOptions>, sessions?: SessionRegistry<never>) {
    const output: SessionHost<Frame> = {
      ...this.#pieces,
      acknowledged: (frame) => this.acknowledged.push(frame),
      rejected: (frame) => this.rejected.push(frame),
      warn: (error) => this.warnings.push(error),
      linkHolder: {
        takeOverLink: (other) => {
          other.releaseLink();
          this.resumed?.(this);
          return true;
        },
        releaseLink: () => {
          this.session.linkDown();
          return undefined;
        },
      },
    };
    const settings = { maxMessageBytes: 64 * 1024 * 1024, session: 'prefer' as const, autoRestart: true, ...options };
    this.session = new V2Session(settings, output, role, sessions);
  }

  up(): void {
    this.error = undefined;
    this.session.linkUp(this.nowMs);
  }

  /** Sends a value, and the rest of it as far as may be. */
  say(value: Value, acknowledge?: 'received' | 'consumed'): Frame {
    const frame = this.session.encode(value, { acknowledge });
    this.session.send(frame);
    this.proceed();
    return frame;
  }

  proceed(): void {
    while (this.session.resumable?.hasPendingFrames) this.session.resumable.writeNext();
  }

  /** What was written since the last call. */
  takeBytes(): Buffer {
    this.session.flush();
    this.#bytesOut.push(...(this.#pieces.take() as Buffer[]));
    const bytes = Buffer.concat(this.#bytesOut);
    this.#bytesOut = [];
    return bytes;
  }

  /** Hears bytes, as core hands them over; what is thrown ends the link. */
  hear(bytes: Buffer): void {
    try {
      this.session.receive(Buffer.from(bytes), this.nowMs);
      for (let message = this.session.read(); message; message = this.session.read()) {
        this.messages.push(message);
        if (this.takes) this.session.resumable?.consumed(message);
      }
      this.session.retainUnread();
      this.proceed();
    } catch (error) {
      this.error = error as SerpyErrorLike;
      this.session.linkDown();
    }
  }

  /** The application takes what there is. */
  takeAll(): void {
    for (const message of this.messages.slice(this.#taken)) this.session.resumable?.consumed(message);
    this.#taken = this.messages.length;
    while (this.session.resumable?.readable) {
      const message = this.session.read();
      if (message === undefined) break;
      this.messages.push(message);
      this.session.resumable.consumed(message);
      this.#taken++;
    }
  }

  /** Up to which offset the peer may send. */
  get limit(): number {
    return (this.session.resumable as Handshake<Frame>).session?.receiver.limit ?? 0;
  }

  /** Time passes. */
  wait(ms: number): void {
    this.nowMs += ms;
    const { deadlineMs } = this.session;
    if (deadlineMs !== undefined && deadlineMs <= this.nowMs) this.session.tick(this.nowMs);
  }

  get values(): unknown[] {
    return this.messages.map(({ value }) => value);
  }
}

/** A client and a server whose sessions have begun. */
export function begun(client: Partial<SessionOptions> = {}, server: Partial<SessionOptions> = {}) {
  const ends = { client: new End('client', client), server: new End('server', server, new SessionRegistry()) };
  ends.client.up();
  ends.server.up();
  exchange(ends);
  return ends;
}

/** Carries bytes both ways until nobody has anything to say. */
export function exchange({ client, server }: { readonly client: End; readonly server: End }): void {
  for (;;) {
    const [up, down] = [client.takeBytes(), server.takeBytes()];
    if (up.length === 0 && down.length === 0) return;
    if (up.length > 0) server.hear(up);
    if (down.length > 0) client.hear(down);
  }
}
