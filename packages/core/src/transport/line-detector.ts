/** Detects peers that send lines of text, as many instruments do. A reader of blocks would wait forever for the end of the first block. */

/** The end of the received bytes is checked three times, each 350 ms. Parts of a large text rarely end with a line each time. */
const checkIntervalMs = 350;
const checks = 3;

const newline = 0x0a;
const blockEnd = 0x1f;

/** Watches the first bytes of a peer. The result depends on when bytes arrive, not on how they are cut. */
export class LineWatch {
  #deadlineMs: number | undefined;
  #endsWithLine = false;
  #seen = 0;
  #over = false;

  /** Bytes have arrived. */
  bytesArrived(chunk: Buffer, nowMs: number): void {
    if (this.#over || chunk.length === 0) return;
    if (chunk.includes(blockEnd)) {
      this.stop();
      return;
    }
    this.#endsWithLine = chunk[chunk.length - 1] === newline;
    this.#deadlineMs ??= nowMs + checkIntervalMs;
  }

  /** The time of the next check by `isLines`; undefined if there is none. */
  get deadlineMs(): number | undefined {
    return this.#deadlineMs;
  }

  /** Whether the received bytes end with a line, and contain no end of a block. */
  get sawLines(): boolean {
    return this.#endsWithLine;
  }

  /** Whether `sawLines` was true at each check. */
  isLines(nowMs: number): boolean {
    if (this.#deadlineMs === undefined || nowMs < this.#deadlineMs) return false;
    this.#deadlineMs = nowMs + checkIntervalMs;
    if (!this.#endsWithLine) this.stop();
    else if (++this.#seen >= checks) return true;
    return false;
  }

  stop(): void {
    this.#over = true;
    this.#endsWithLine = false;
    this.#deadlineMs = undefined;
  }
}

/** A hint to append to a message. @param start the first line, or the received part of it */
export function linesHint(start: Buffer): string {
  const [line = ''] = start.toString('latin1').split(/\r?\n/, 1);
  const what = /^[+-]?\d+,"[^"]*"$/.test(line) ? 'an instrument with SCPI commands' : 'lines of text';
  return `it looks like ${what}: it has sent ${quoted(Buffer.from(line, 'latin1'))}. Use lines://host:port (protocol: 'lines') for it, or give the port of a serpy program`;
}

/** The first bytes of an unknown peer, for an error message: one character for each byte, escaped for terminals. */
export function quoted(bytes: Buffer): string {
  const text = bytes.toString('latin1', 0, maxQuotedBytes);
  return JSON.stringify(bytes.length > maxQuotedBytes ? `${text}…` : text).replaceAll(
    /[\x7f-\x9f]/g,
    (each) => `\\u00${each.charCodeAt(0).toString(16)}`,
  );
}

const maxQuotedBytes = 40;
