/** Verifies a recording: whether it is complete, and whether anything in it was altered. */
import { readdirSync } from 'node:fs';
import { AbortError, OptionError, systemEnvironment } from 'serpy-core';
import { errorText, RecordingError } from '../errors.js';
import { chainOf, sha256, unseal } from '../format/chain.js';
import { type EventLine, files, type IndexLine, isEvent } from '../format/format.js';
import { aboutBytes, readAbout } from '../reader/about.js';
import { damaged, IndexReader } from '../reader/index-reader.js';
import { OpenFiles } from '../reader/open-files.js';
import { VerifiedFiles } from './verified-files.js';

/** Options of `verifyRecording`. */
export interface VerifyOptions {
  /** The hash that an earlier verification has returned: the recording must contain a line with it. */
  readonly hash?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called regularly with the number of verified messages. */
  readonly onProgress?: ((messages: number) => void) | undefined;
}

/** What a verification has found. */
export interface Verification {
  /** Whether nothing was altered: `problems` is empty. */
  readonly isUnaltered: boolean;
  /** Whether no message is missing: no gap, and nothing dropped. */
  readonly isComplete: boolean;
  /** Whether the recording was closed; false while it grows, and after its recorder was killed. */
  readonly isClosed: boolean;
  readonly messages: number;
  readonly gaps: number;
  readonly reconnects: number;
  readonly dropped: number;
  readonly marks: number;
  /** Peers with and without a session. Without a session, messages have no numbers. */
  readonly sessions: number;
  readonly otherPeers: number;
  readonly startedWallMs: number;
  /** The time of the last line; of the start if there is none. */
  readonly lastWallMs: number;
  /** The hash of the last line: it confirms the whole recording. */
  readonly hash: string;
  /** What was altered, in sentences; at most 20. */
  readonly problems: readonly string[];
  /** Bytes that no line of the index lists, by file: of a recorder that was killed, or that is writing. */
  readonly unlistedBytes: Readonly<Record<string, number>>;
}

const maxProblems = 20;

/** Messages between two pauses for other work. */
const stepMessages = 256;

/**
 * Reads all files and compares them with the hashes of the index. Finished, growing and killed recordings can be verified. Nothing is changed.
 * @throws `ERR_RECORDING_NOT_FOUND`, `ERR_RECORDING_VERSION`, `ERR_SERPY_ABORTED`; damage is one of the `problems`
 */
export async function verifyRecording(folder: string, options: VerifyOptions = {}): Promise<Verification> {
  const { hash, signal, onProgress } = options;
  if (hash !== undefined && !/^[0-9a-f]{64}$/.test(hash))
    throw new OptionError('hash is a SHA-256 in hex: 64 characters from 0-9 and a-f');
  const { startedWallMs } = readAbout(folder);
  const verifier = new Verifier(folder, hash);
  try {
    for (let lines = 0; verifier.next(); lines++) {
      if (lines % stepMessages !== 0) continue;
      onProgress?.(verifier.messages);
      await new Promise<void>((resolve) => systemEnvironment.clock.setImmediate(resolve));
      if (signal?.aborted) throw new AbortError('the verification was aborted', { cause: signal.reason });
    }
    return verifier.result(startedWallMs);
  } finally {
    verifier.close();
  }
}

/** Marks may follow the line that ended the recording. */
const isMark = (line: IndexLine) => isEvent(line) && line.type === 'mark';

class Verifier {
  messages = 0;
  readonly #folder: string;
  readonly #files: OpenFiles;
  readonly #content: VerifiedFiles;
  readonly #index: IndexReader | undefined;
  readonly #problems: string[] = [];
  /** Files whose content was altered: the hashes of their further lines differ, too. */
  readonly #altered = new Set<string>();
  readonly #counts = { gaps: 0, reconnects: 0, dropped: 0, marks: 0, sessions: 0, otherPeers: 0 };
  readonly #wanted: string | undefined;
  #chain: string;
  #isFound = false;
  #isDamaged = false;
  #isClosed = false;
  #lastWallMs: number | undefined;

  constructor(folder: string, wanted: string | undefined) {
    this.#folder = folder;
    this.#wanted = wanted;
    this.#files = new OpenFiles(folder);
    this.#content = new VerifiedFiles(this.#files);
    this.#chain = sha256(aboutBytes(folder) ?? '');
    this.#isFound = this.#chain === wanted;
    this.#index = this.#attempt(() => new IndexReader(folder, this.#files.open(files.index)));
  }

  /** Verifies the next line. Returns whether there was one. */
  next(): boolean {
    if (this.#isDamaged) return false;
    const read = this.#attempt(() => this.#index?.nextWithText());
    if (read === undefined) return false;
    if (!isMark(read.line)) {
      if (this.#isClosed) this.#problem(`${this.#where()}: it follows the line that ended the recording`);
      this.#isClosed = false;
    }
    this.#count(read.line);
    this.#attempt(() => this.#index?.guard(() => this.#check(read.line, read.text)));
    return true;
  }

  result(startedWallMs: number): Verification {
    const unlistedBytes = this.#isDamaged ? {} : this.#rest();
    if (this.#wanted !== undefined && !this.#isFound) this.#problem(`no line has the hash ${this.#wanted}`);
    const { gaps, dropped } = this.#counts;
    return {
      isUnaltered: this.#problems.length === 0,
      isComplete: gaps === 0 && dropped === 0,
      isClosed: this.#isClosed,
      messages: this.messages,
      ...this.#counts,
      startedWallMs,
      lastWallMs: this.#lastWallMs ?? startedWallMs,
      hash: this.#chain,
      problems: this.#problems,
      unlistedBytes,
    };
  }

  close(): void {
    this.#files.close();
  }

  #count(line: IndexLine): void {
    if (isMark(line)) {
      this.#counts.marks++; // it can be years later than the recording
      return;
    }
    this.#lastWallMs = line.wallMs;
    if (!isEvent(line)) this.messages++;
    else if (line.type === 'gap') this.#counts.gaps++;
    else if (line.type === 'reconnect') this.#counts.reconnects++;
    else if (line.type === 'drop') this.#counts.dropped += line.messages;
    else if (line.type === 'peer') this.#counts[line.session ? 'sessions' : 'otherPeers']++;
    else this.#isClosed = true;
  }

  #check(line: IndexLine, text: string): void {
    const sealed = unseal(text);
    if (sealed === undefined) throw new SyntaxError('it has no hash');
    const content = isEvent(line) ? '' : this.#content.add(line, this.#index?.header(line.file));
    const expected = chainOf(this.#chain, content, sealed.text);
    this.#chain = sealed.chain;
    this.#isFound ||= sealed.chain === this.#wanted;
    if (isEvent(line) && line.type === 'end') this.#checkEnd(line);
    if (expected === sealed.chain) return;
    if (isEvent(line)) this.#problem(`${this.#where()}: this line or the line before it was altered`);
    else if (!this.#altered.has(line.file)) {
      this.#altered.add(line.file);
      const before = this.#index?.position.line === 1 ? files.about : 'the line before it';
      this.#problem(`${this.#where()}: ${line.file} up to this message, this line or ${before} was altered`);
    }
  }

  #checkEnd({ sha256: hashes }: Extract<EventLine, { type: 'end' }>): void {
    for (const [name, recorded] of Object.entries(hashes)) {
      if (recorded === this.#content.contentHash(name) || this.#altered.has(name)) continue;
      this.#problem(`${name} does not have the hash of the last line`);
    }
  }

  /** What the files have after the last line: a fault of a recording that was closed. */
  #rest(): Record<string, number> {
    const rest: Record<string, number> = {};
    const indexed = this.#index?.position.offset ?? 0;
    const arrays = readdirSync(this.#folder).filter((name) => /^[\w-]+\.npy$/.test(name));
    const names = [files.values, files.bytes, ...new Set([...arrays, ...this.#content.names()])];
    const add = (name: string, bytes: number) => {
      if (bytes > 0) rest[name] = bytes;
      if (bytes > 0 && this.#isClosed) this.#problem(`${name} has ${bytes} bytes that were not recorded`);
    };
    this.#attempt(() => add(files.index, this.#files.open(files.index).size - indexed));
    for (const name of new Set(names)) {
      this.#attempt(() => {
        add(name, this.#content.unlistedBytes(name));
        const fault = this.#content.headerFault(name, this.#isClosed);
        if (fault !== undefined) this.#problem(`${name}: ${fault}`);
      });
    }
    return rest;
  }

  #where(): string {
    return `${files.index}, line ${this.#index?.position.line}`;
  }

  /** An error ends the verification, and is a problem. */
  #attempt<R>(work: () => R): R | undefined {
    try {
      return work();
    } catch (error) {
      this.#isDamaged = true;
      const { message } = error instanceof RecordingError ? error : damaged(this.#folder, errorText(error), error);
      this.#problem(message);
      return undefined;
    }
  }

  #problem(sentence: string): void {
    if (this.#problems.length < maxProblems) this.#problems.push(sentence);
  }
}
