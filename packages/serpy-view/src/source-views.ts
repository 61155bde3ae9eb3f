/** What the page shows about sources: their state and rates, the same for all pages. */
import type { SourceStatus } from 'serpy-hub';
import type { ConnectionSnippet, SnippetDescription } from './snippets/snippets.js';
import type { ViewClock } from './system.js';
import type { SourceView } from './wire/messages.js';

interface Rate {
  atMs: number;
  messages: number;
  bytes: number;
  messagesPerSecond: number;
  bytesPerSecond: number;
}

/** A rate is measured over at least this time. */
const rateMs = 450;

export class SourceViews {
  readonly #clock: ViewClock;
  readonly #rates = new Map<string, Rate>();
  readonly #addresses = new Map<string, ConnectionSnippet | undefined>();

  constructor(clock: ViewClock) {
    this.#clock = clock;
  }

  /** @param address how other programs reach the source; undefined if they cannot */
  reach(name: string, address: ConnectionSnippet | undefined): void {
    this.#addresses.set(name, address);
  }

  forget(name: string): void {
    this.#rates.delete(name);
    this.#addresses.delete(name);
  }

  /** @param files what other programs can read of a recording */
  of(status: SourceStatus, files: readonly SnippetDescription[]): SourceView {
    const address = this.#addresses.get(status.name);
    const snippets = address ? [{ ...address, protocol: status.protocol ?? address.protocol }, ...files] : files;
    const { url, protocol, lastAtMs, problem, bytesReceived, ...same } = status;
    const { messagesPerSecond, bytesPerSecond } = this.#rateOf(status);
    return {
      ...same,
      messagesPerSecond,
      bytesPerSecond,
      url: url ?? null,
      protocol: protocol ?? null,
      ageMs: lastAtMs === undefined ? null : this.#clock.now() - lastAtMs,
      problem: problem ?? null,
      snippets,
    };
  }

  #rateOf({ name, messages, bytesReceived }: SourceStatus): Rate {
    const now = this.#clock.now();
    const known = this.#rates.get(name) ?? {
      atMs: now,
      messages,
      bytes: bytesReceived,
      messagesPerSecond: 0,
      bytesPerSecond: 0,
    };
    this.#rates.set(name, known);
    const elapsedMs = now - known.atMs;
    if (elapsedMs < rateMs) return known;
    known.messagesPerSecond = (1000 * (messages - known.messages)) / elapsedMs;
    known.bytesPerSecond = (1000 * (bytesReceived - known.bytes)) / elapsedMs;
    Object.assign(known, { atMs: now, messages, bytes: bytesReceived });
    return known;
  }
}
