/** Peers that send lines of text, as many instruments do: who reads blocks would wait for the end of the first one for ever. */

/** The end of what has come is checked this often, and this many times: a large text that ends with a line each time is unlikely. */
const checkIntervalMs = 350;
const checks = 3;

const newline = 0x0a;
const blockEnd = 0x1f;

/** Fed with what comes first from a peer. The verdict depends on when bytes come, not on how they are cut. */
export class LineWatch {
  #deadlineMs: number | undefined;
  #endsWithLine = false;
  #seen = 0;
  #over = false;

  /** Bytes have come. */
  bytesArrived(chunk: Buffer, nowMs: number): void {
    if (this.#over || chunk.length === 0) return;
    if (chunk.includes(blockEnd)) {
      this.stop();
      return;
    }
    this.#endsWithLine = chunk[chunk.length - 1] === newline;
    this.#deadlineMs ??= nowMs + checkIntervalMs;
  }

  /** When `isLines` checks next; undefined where it will not. */
  get deadlineMs(): number | undefined {
    return this.#deadlineMs;
  }

  /** Whether what has come so far ends with a line, and holds no end of a block. */
  get sawLines(): boolean {
    return this.#endsWithLine;
  }

  /** Whether that was so at each check. */
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

/** A hint to append to a message. @param start the first line, as much of it as is there */
export function linesHint(start: Buffer): string {
  const [line = ''] = start.toString('latin1').split(/\r?\n/, 1);
  const who = /^[+-]?\d+,"[^"]*"$/.test(line) ? 'an instrument with SCPI commands' : 'lines of text';
  return `it looks like ${who}: it has sent ${quoted(Buffer.from(line, 'latin1'))}. serpy does not speak that: use node:net for it, or give the port of a program of serpy`;
}

/** The first of a stranger's bytes for a message to people: a character for each, and none that does anything to a terminal. */
export function quoted(bytes: Buffer): string {
  const text = bytes.toString('latin1', 0, maxQuotedBytes);
  return JSON.stringify(bytes.length > maxQuotedBytes ? `${text}…` : text).replaceAll(
    /[\x7f-\x9f]/g,
    (each) => `\\u00${each.charCodeAt(0).toString(16)}`,
  );
}

const maxQuotedBytes = 40;
