/** Reads the source of a stream chunk by chunk, and releases it when no more chunks are wanted. */
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
  /** Releases the source and what it holds, such as a file or a socket, even while it yields nothing. */
  release(): void;
}

/** Members of Node and web streams that release a source while a chunk is awaited. */
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

/** Throws an `ERR_SERPY_VALUE` unless the source is an iterable of chunks. */
export function checkSource(source: unknown): asserts source is ByteSource {
  const iterable = source as Partial<AsyncIterable<unknown> & Iterable<unknown>> | null | undefined;
  const isOne = typeof source === 'string' || types.isUint8Array(source);
  if (isOne || !(iterable?.[Symbol.asyncIterator] || iterable?.[Symbol.iterator])) {
    throw new ValueError(
      'sendStream takes a stream of bytes, such as createReadStream(path): use sendData for one value',
    );
  }
}

/** Begins to read. `for await` is not suitable: its `break` waits for the next chunk, which may never come. */
export function openSource(source: ByteSource): SourceReader {
  const { pipe, on, destroy, getReader } = source as Releasable;
  if (typeof getReader === 'function') return openWeb(() => getReader.call(source));
  // A stream may fail before it is read or while it is released. `next` reports that; the listener only prevents an uncaught error.
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
    throw new ValueError('sendStream takes a stream without another reader: this one is locked', { cause });
  }
}

function iteratorOf(source: ByteSource): AsyncIterator<unknown> | Iterator<unknown> {
  const { [Symbol.asyncIterator]: begin } = source as Partial<AsyncIterable<unknown>>;
  return begin?.call(source) ?? (source as Iterable<unknown>)[Symbol.iterator]();
}

/** Ignores errors of a source that is no longer read. */
function swallow(release: () => unknown): void {
  const noop = () => {};
  try {
    Promise.resolve(release()).catch(noop);
  } catch {}
}

/** The bytes of a chunk. Throws an `ERR_SERPY_VALUE` for a chunk of another type. */
export function bytesOf(chunk: unknown): Uint8Array {
  if (types.isUint8Array(chunk)) return chunk;
  if (typeof chunk === 'string') return Buffer.from(chunk);
  throw new ValueError(
    `the source of a stream must yield bytes or text, not ${chunk === null ? 'null' : typeof chunk}`,
  );
}
