/** The recording of `serpy view --record`. */
import type { RecordingEnd, View } from 'serpy-view';
import type { Context } from '../environment/context.js';
import { failure } from '../failure.js';
import { formatCount, formatInteger } from '../format.js';
import { type MetadataFlags, metadataOf } from './metadata.js';

interface Flags extends MetadataFlags {
  readonly record?: string;
  readonly maxBytes?: number;
}

export class PageRecorder {
  readonly #context: Context;
  readonly #page: View;
  readonly #flags: Flags;
  #ended: Promise<RecordingEnd> | undefined;
  #end: RecordingEnd | undefined;

  constructor(context: Context, page: View, flags: Flags) {
    this.#context = context;
    this.#page = page;
    this.#flags = flags;
  }

  /** Records what arrives from now on, if a folder is given. @param options of the connection */
  begin(url: string, options: object): void {
    const { record: folder, maxBytes } = this.#flags;
    if (folder === undefined) return;
    const { ended } = this.#page.record(folder, { maxBytes, ...metadataOf(url, options, this.#flags) });
    this.#context.terminal.note(`recording to ${folder}`);
    this.#ended = ended;
    void ended.then(({ problem }) => {
      if (problem !== undefined) this.#context.terminal.note(`${problem}; the page continues`);
    });
  }

  /** Resolves when everything is recorded. Call it after the page was closed. */
  async end(): Promise<void> {
    this.#end = await this.#ended;
    if (this.#end === undefined) return;
    const { messages, omitted } = this.#end;
    const rest = omitted === 0 ? '' : `; ${formatInteger(omitted)} cannot be recorded`;
    this.#context.terminal.note(`recorded ${formatCount(messages)} in ${this.#flags.record}${rest}`);
  }

  /** Throws if messages are missing. */
  check(): void {
    const { problem, gaps = 0 } = this.#end ?? {};
    if (problem !== undefined) throw failure(problem);
    if (gaps === 0) return;
    const places = gaps === 1 ? 'a gap' : `${gaps} gaps`;
    throw failure(
      `the recording has ${places}: a connection broke, and messages are missing. index.jsonl marks each gap`,
    );
  }
}
