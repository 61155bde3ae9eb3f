/** Records everything that the sources of a hub send, with gaps, reconnects and drops. A slow disk holds the sources back, and loses nothing. */
import { encodeNpy, isArrayValue } from 'serpy-arrays';
import type { Consumer, Hub, HubMessage, Source } from 'serpy-hub';
import {
  type ConnectionWatch,
  createRecording,
  type Metadata,
  type RecordedMessage,
  type RecordingWriter,
  recordMessage,
  watchConnection,
} from 'serpy-recording';
import type { ViewClock } from '../system.js';

export interface RecordOptions extends Metadata {
  /** The maximum size of the folder. Default: no limit. */
  readonly maxBytes?: number | undefined;
}

/** How a recording has ended. */
export interface RecordingEnd {
  readonly messages: number;
  /** Messages that have no form in a recording, such as functions of a program. */
  readonly omitted: number;
  /** Places where messages may be missing. */
  readonly gaps: number;
  /** Why it ended before the view; undefined if it did not. */
  readonly problem: string | undefined;
}

/** One connection of a source, and how many of its messages were recorded. */
interface Watched {
  readonly source: Source;
  readonly connection: Source['connection'];
  readonly watch: ConnectionWatch;
  /** The messages of the source before this connection. */
  readonly before: number;
  taken: number;
  /** Undefined until another connection follows. */
  total: number | undefined;
}

export class HubRecorder {
  readonly writer: RecordingWriter;
  /** Resolves when nothing more is recorded. */
  readonly ended: Promise<RecordingEnd>;
  /** Called after lines were written. */
  onWrite: () => void = () => {};
  readonly #clock: ViewClock;
  readonly #consumer: Consumer;
  readonly #watched = new Map<string, Watched[]>();
  readonly #stopWatching: () => void;
  #omitted = 0;
  #problem: string | undefined;

  /** @throws `ERR_RECORDING_FOLDER`, `ERR_SERPY_OPTION` */
  constructor(hub: Hub, folder: string, options: RecordOptions, clock: ViewClock) {
    this.#clock = clock;
    this.writer = createRecording(folder, { ...options, clock });
    this.#stopWatching = hub.onChange((source) => this.#watch(source));
    for (const source of hub.sources.values()) this.#watch(source);
    this.#consumer = hub.consume({ policy: 'all', whenFull: 'wait', replay: false });
    this.ended = this.#run();
  }

  /** Why nothing more is recorded. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Records what waits, and ends the recording. */
  async close(): Promise<void> {
    this.#consumer.end();
    await this.ended;
  }

  async #run(): Promise<RecordingEnd> {
    let reason = 'signal';
    try {
      for await (const message of this.#consumer) {
        if (this.#record(message)) continue;
        reason = 'size';
        this.#problem = 'the recording has ended: its largest size is reached';
        break;
      }
      for (const list of this.#watched.values()) for (const each of list) this.#writeRest(each);
      this.writer.close(reason);
    } catch (error) {
      this.#problem = (error as Error).message;
      this.#close();
    }
    this.#stopWatching();
    this.onWrite();
    const { messages, gaps } = this.writer;
    return { messages, gaps, omitted: this.#omitted, problem: this.#problem };
  }

  #close(): void {
    try {
      this.writer.close('error');
    } catch {
      // The problem was the disk.
    }
  }

  /** Returns whether the message fits. */
  #record(hubMessage: HubMessage): boolean {
    const { source } = hubMessage;
    this.#drain(source);
    const watched = this.#watched.get(source)?.[0];
    if (watched) watched.taken++;
    const connection = { isDataAvailable: () => this.#consumer.stats().waiting > 0 };
    try {
      const message = recordedOf(hubMessage);
      const full = recordMessage(this.writer, { message, connection, from: source, watch: watched?.watch });
      if (full !== undefined) return false;
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_SERPY_VALUE') throw error;
      this.#omitted++;
    }
    if (this.writer.unwritten === 0) this.onWrite();
    return true;
  }

  /** A source has another connection: what happens to it is recorded, too. */
  #watch(source: Source): void {
    const { name, connection } = source;
    const list = this.#watched.get(name) ?? [];
    const last = list.at(-1);
    if (connection === undefined || last?.connection === connection) return;
    if (last) last.total = last.source.status().messages - last.before;
    const before = source.status().messages;
    const watch = watchConnection(connection, this.#clock);
    list.push({ source, connection, watch, before, taken: 0, total: undefined });
    this.#watched.set(name, list);
    this.#drain(name);
  }

  /** Forgets connections all of whose messages were recorded. */
  #drain(name: string): void {
    const list = this.#watched.get(name) ?? [];
    for (let first = list[0]; first?.total !== undefined && first.taken >= first.total; first = list[0]) {
      this.#writeRest(first);
      list.shift();
    }
  }

  #writeRest({ watch, source }: Watched): void {
    for (const event of watch.rest()) this.writer.event(event, source.name);
  }
}

function recordedOf(message: HubMessage): RecordedMessage {
  const { about } = message;
  const recorded = storedOf(message);
  return about === undefined ? recorded : { ...recorded, about };
}

/** A message as a recording stores it. Values of a program have no type of a protocol. */
function storedOf(message: HubMessage): RecordedMessage {
  const { type, value, mode } = message;
  if (type !== 'value') return mode === undefined ? { type, value } : { type, value, mode };
  if (value instanceof Uint8Array) return { type: 'bytes', value };
  if (isArrayValue(value)) return { type: 'bytes', value: encodeNpy(value) };
  if (typeof value === 'string') return { type: 'str', value };
  if (typeof value === 'bigint') return { type: 'int', value };
  if (typeof value !== 'number') return { type: 'object', value: withMaps(value) };
  return { type: Number.isSafeInteger(value) && !Object.is(value, -0) ? 'int' : 'float', value };
}

/** Deeper objects of a program are not data. */
const maxDepth = 32;

/** Plain objects as maps, which recordings have. */
function withMaps(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > maxDepth) return value;
  if (Array.isArray(value)) return value.map((each) => withMaps(each, depth + 1));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return new Map(Object.entries(value).map(([key, each]) => [key, withMaps(each, depth + 1)]));
}
