/** What the page shows about sources: their state and rates, the same for all pages. */
import type { SourceStatus } from 'serpy-hub';
import type { SnippetDescription } from './snippets/snippets.js';
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

  constructor(clock: ViewClock) {
    this.#clock = clock;
  }

  forget(name: string): void {
    this.#rates.delete(name);
  }

  /** @param snippets what other programs can read */
  of(status: SourceStatus, snippets: readonly SnippetDescription[]): SourceView {
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
