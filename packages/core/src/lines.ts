/** Peers that send lines of text, as many instruments do: who reads blocks would wait for the end of the first one for ever. */

/** So long it is looked on. A large text that happens to be cut behind a line each time does not look so for that long. */
const watchMs = 1000;

const newline = 0x0a;
const blockEnd = 0x1f;

/** Fed with what comes first from a peer. */
export class LineWatch {
  #deadlineMs: number | undefined;
  #sawLines = false;
  #over = false;

  /** Bytes have come. */
  came(chunk: Buffer, nowMs: number): void {
    if (this.#over || chunk.length === 0) return;
    this.#sawLines = chunk[chunk.length - 1] === newline && !chunk.includes(blockEnd);
    this.#over = !this.#sawLines;
    this.#deadlineMs = this.#over ? undefined : (this.#deadlineMs ?? nowMs + watchMs);
  }

  /** When `isLines` may become true; undefined where it will not. */
  get deadlineMs(): number | undefined {
    return this.#deadlineMs;
  }

  /** Whether each piece that has come so far ended with a line, and none of them ends a block. */
  get sawLines(): boolean {
    return this.#sawLines;
  }

  /** Whether that was so for long enough. */
  isLines(nowMs: number): boolean {
    return this.#deadlineMs !== undefined && nowMs >= this.#deadlineMs;
  }

  stop(): void {
    this.#over = true;
    this.#sawLines = false;
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
  const text = bytes.toString('latin1', 0, mostShown);
  return JSON.stringify(bytes.length > mostShown ? `${text}…` : text).replaceAll(
    /[\x7f-\x9f]/g,
    (each) => `\\u00${each.charCodeAt(0).toString(16)}`,
  );
}

const mostShown = 40;
