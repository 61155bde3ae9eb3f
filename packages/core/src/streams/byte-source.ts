/** Where the bytes of a stream come from: whatever gives chunks, read one after the other and let go of when no more are wanted. */
import { types } from 'node:util';
import { ValueError } from '../errors.js';

/** Bytes in chunks: a Readable, a ReadableStream, a generator, a file's `createReadStream()`. */
export type ByteSource = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>;

interface SourceChunk {
  readonly done?: boolean | undefined;
  readonly value?: unknown;
}

/** A source that is being read. */
export interface SourceReader {
  next(): Promise<SourceChunk> | SourceChunk;
  /** No more is wanted: what it holds (a file, a socket) is let go of, also while it gives nothing. */
  release(): void;
}

/** What the sources of Node and of the web have besides, by which they can be let go of while a chunk is waited for. */
interface Releasable {
  readonly pipe?: unknown;
  on?(event: 'error', listener: () => void): void;
  destroy?(): void;
  getReader?(): Reader;
}

interface Reader {
  read(): Promise<SourceChunk>;
  cancel(): Promise<unknown>;
  releaseLock(): void;
}

/** Throws an `ERR_SERPY_VALUE` unless there are chunks in it. */
export function checkSource(source: unknown): asserts source is ByteSource {
  const iterable = source as Partial<AsyncIterable<unknown> & Iterable<unknown>> | null | undefined;
  const isOne = typeof source === 'string' || types.isUint8Array(source);
  if (isOne || !(iterable?.[Symbol.asyncIterator] || iterable?.[Symbol.iterator])) {
    throw new ValueError(
      'sendStream takes a stream of bytes, such as createReadStream(path): use sendData for one value',
    );
  }
}

/** Begins to read. `for await` would not do: its `break` waits for the chunk that is due, which may never come. */
export function openSource(source: ByteSource): SourceReader {
  const { pipe, on, destroy, getReader } = source as Releasable;
  if (typeof getReader === 'function') return openWeb(() => getReader.call(source));
  // It may fail before it is read, or as it is let go of: who reads it is told, and nobody else has to listen.
  if (typeof pipe === 'function' && typeof on === 'function') on.call(source, 'error', () => {});
  const iterator = iteratorOf(source);
  let isOver = false;
  return {
    async next() {
      try {
        const { done, value } = await iterator.next();
        isOver = done === true;
        return { done: isOver, value: await value };
      } catch (error) {
        isOver = true;
        throw error;
      }
    },
    release() {
      if (isOver) return;
      if (typeof pipe === 'function' && typeof destroy === 'function') destroy.call(source);
      else swallow(() => iterator.return?.());
    },
  };
}

function openWeb(getReader: () => Reader): SourceReader {
  const reader = exclusiveReader(getReader);
  return {
    async next() {
      const chunk = await reader.read();
      if (chunk.done) reader.releaseLock();
      return chunk;
    },
    release: () => swallow(() => reader.cancel().finally(() => reader.releaseLock())),
  };
}

function exclusiveReader(getReader: () => Reader): Reader {
  try {
    return getReader();
  } catch (cause) {
    throw new ValueError('sendStream takes a stream that nobody else reads: this one is locked', { cause });
  }
}

function iteratorOf(source: ByteSource): AsyncIterator<unknown> | Iterator<unknown> {
  const { [Symbol.asyncIterator]: begin } = source as Partial<AsyncIterable<unknown>>;
  return begin?.call(source) ?? (source as Iterable<unknown>)[Symbol.iterator]();
}

/** How a source ends that nobody reads any more interests nobody. */
function swallow(release: () => unknown): void {
  const noop = () => {};
  try {
    Promise.resolve(release()).catch(noop);
  } catch {}
}

/** The bytes of a chunk. Throws an `ERR_SERPY_VALUE` where it has none. */
export function bytesOf(chunk: unknown): Uint8Array {
  if (types.isUint8Array(chunk)) return chunk;
  if (typeof chunk === 'string') return Buffer.from(chunk);
  throw new ValueError(`a stream is made of bytes or text, and gave ${chunk === null ? 'null' : typeof chunk}`);
}
