/** Passes on what a session puts out: bytes to the link, acknowledgements to the send queue, the rest to the notifier. */
import { randomBytes } from 'node:crypto';
import { BufferPool } from '../buffers/buffer-pool.js';
import { allocateMessage } from '../buffers/message-buffer.js';
import type { Environment } from '../environment.js';
import type { SerpyError } from '../errors.js';
import type { Link } from '../link/link.js';
import type { OutboundMessage } from '../protocol/message.js';
import type { LinkHolder, ProgressInfo } from '../protocol/resumable-session.js';
import type { SessionHost } from '../protocol/session.js';
import type { SendQueue } from '../queue/send-queue.js';
import type { Transport, WriteSlot } from '../transport/transport.js';
import type { Notifier } from './notifier.js';
import type { Counters } from './stats.js';

/** What a session host reports. */
export interface SessionHostListener {
  /** Continues on the transport that `release` gives. @returns false, without calling `release`, if the connection is closed */
  takeOver(release: () => Transport | undefined): boolean;
  /** Another connection has taken over the link. */
  linkReleased(): void;
}

/** What becomes of the messages of requests. */
export interface RequestMessages {
  sending(outgoing: OutboundMessage): void;
  rejected(outgoing: OutboundMessage, error: SerpyError): void;
  putBack(outgoing: OutboundMessage): void;
}

export class ChannelSessionHost implements SessionHost<OutboundMessage>, LinkHolder {
  readonly #outbox: SendQueue<OutboundMessage>;
  readonly #counters: Counters;
  readonly #notifier: Notifier;
  readonly #environment: Environment;
  readonly #listener: SessionHostListener;
  #link: Link | undefined;
  /** Bytes sent before this link, minus those that its transport had sent for another connection. */
  #bytesBefore = 0;
  /** Set with the first request. */
  requests: RequestMessages | undefined;
  /** Made when memory is first released. */
  #pool: BufferPool | undefined;

  constructor(
    outbox: SendQueue<OutboundMessage>,
    counters: Counters,
    notifier: Notifier,
    environment: Environment,
    listener: SessionHostListener,
  ) {
    this.#outbox = outbox;
    this.#counters = counters;
    this.#notifier = notifier;
    this.#environment = environment;
    this.#listener = listener;
  }

  /** The current link, or the last one. */
  get link(): Link | undefined {
    return this.#link;
  }

  /** Continues on another link. */
  attach(link: Link): void {
    this.#bytesBefore = this.#counters.bytesSent - link.transport.flushedBytes;
    this.#link = link;
  }

  /** A transport knows only whether all of a large buffer has left; TLS overhead is not subtracted. */
  get unsentBytes(): number {
    const link = this.#link;
    if (link === undefined || link.over) return 0;
    const { unsentBytes, flushedBytes } = link.transport;
    return Math.max(0, Math.min(unsentBytes, this.#counters.bytesSent - this.#bytesBefore - flushedBytes));
  }

  // Bytes, and memory for them.

  write(piece: Uint8Array): void {
    this.#counters.bytesSent += piece.length;
    this.#link?.write(piece);
  }

  reserve(bytes: number): WriteSlot {
    this.#counters.bytesSent += bytes;
    return this.#link?.reserve(bytes) ?? { buffer: Buffer.allocUnsafe(bytes), offset: 0 };
  }

  allocate(sizeBytes: number): Buffer {
    return this.#pool?.allocate(sizeBytes) ?? allocateMessage(sizeBytes);
  }

  /** Reuses the memory of a message that the program no longer needs. */
  release(bytes: Uint8Array): void {
    this.#pool ??= new BufferPool();
    this.#pool.release(bytes);
  }

  randomBytes(count: number): Buffer {
    return (this.#environment.randomBytes ?? randomBytes)(count);
  }

  // Results of messages.

  acknowledged(outgoing: OutboundMessage): void {
    this.#outbox.acknowledged(outgoing);
    this.#link?.acknowledged();
  }

  rejected(outgoing: OutboundMessage, error: SerpyError): void {
    this.#outbox.rejected(outgoing, error);
    if (outgoing.undroppable) this.requests?.rejected(outgoing, error);
  }

  putBack(messages: readonly OutboundMessage[]): void {
    this.#outbox.putBack(messages.filter(({ undroppable }) => undroppable !== true));
    for (const outgoing of messages) if (outgoing.undroppable) this.requests?.putBack(outgoing);
    this.#counters.messagesSent -= messages.length;
  }

  progress(info: ProgressInfo): void {
    this.#notifier.progress(info);
  }

  warn(error: SerpyError, about?: 'bad-frame', count = 1): void {
    if (about === 'bad-frame') this.#counters.badFrames += count;
    this.#notifier.deferWarning(error);
  }

  // Takeover of links.

  get linkHolder(): LinkHolder {
    return this;
  }

  get identity(): string | undefined {
    return this.#link?.transport.identity;
  }

  get encrypted(): boolean {
    return this.#link?.transport.encrypted ?? false;
  }

  takeOverLink(other: LinkHolder): boolean {
    return this.#listener.takeOver(() => other.releaseLink());
  }

  releaseLink(): Transport | undefined {
    const transport = this.#link?.release();
    this.#link = undefined;
    this.#listener.linkReleased();
    return transport;
  }
}
