/** One session of lines in the hands of a test: text and bytes in, everything that it returns and reports out. */
import { isSerpyError, type SerpyError, type SerpyErrorLike } from 'serpy-core';
import { RecordingHost } from 'serpy-core/testing';
import { LinesSession, type SessionOptions } from '../src/lines-session.js';

export const defaults: SessionOptions = { maxMessageBytes: 1000, terminator: '\n', encoding: 'utf-8' };

/** What a session made of bytes. */
export interface Outcome {
  readonly lines: string[];
  readonly warnings: SerpyError[];
  /** The code of what `read` threw, or of what `ended` returned. */
  readonly error: string | undefined;
  readonly message: string | undefined;
}

export function newSession(options: Partial<SessionOptions> = {}, warn: (error: SerpyError) => void = () => {}) {
  const host = new RecordingHost();
  const session = new LinesSession({ ...defaults, ...options }, { ...host, acknowledged: () => {}, warn });
  session.linkUp();
  return { session, written: () => Buffer.concat(host.take()) };
}

/** The bytes that a session writes for texts. */
export function write(texts: readonly string[], options: Partial<SessionOptions> = {}): Buffer {
  const { session, written } = newSession(options);
  for (const text of texts) session.send(session.encode(text, {}));
  return written();
}

/** What a session reads from chunks, each of which is overwritten after its call, and from the end of the connection. */
export function read(chunks: Iterable<Uint8Array>, options: Partial<SessionOptions> = {}): Outcome {
  const warnings: SerpyError[] = [];
  const lines: string[] = [];
  const { session } = newSession(options, (error) => warnings.push(error));
  const outcome = (error?: SerpyErrorLike): Outcome => ({
    lines,
    warnings,
    error: error?.code,
    message: error?.message,
  });
  try {
    for (const chunk of chunks) {
      const lent = Buffer.from(chunk);
      session.receive(lent);
      for (let line = session.read(); line; line = session.read()) lines.push(line.text);
      session.retainUnread();
      lent.fill(0xa5);
    }
  } catch (error) {
    if (!isSerpyError(error)) throw error;
    return outcome(error);
  }
  return outcome(session.ended());
}
