/** Counts the bytes that a socket has passed to the system. */

/** The used part of Node's internals of a socket. */
interface SocketInternals {
  readonly _handle?: { readonly bytesWritten?: unknown; readonly writeQueueSize?: unknown } | null;
}

/** The used part of a socket. */
interface WritableSocket {
  readonly bytesWritten: number;
  readonly writableLength: number;
}

/**
 * The number of bytes that a socket has passed to the system. Each part of a large piece counts when it leaves, which the public properties
 * do not show until all of it has left. If the runtime has no such handle, and on Windows, a write counts when it is complete.
 */
export function flushedBytes(socket: WritableSocket): number {
  const handle = (socket as SocketInternals)._handle;
  const given = handle?.bytesWritten;
  const waiting = handle?.writeQueueSize;
  if (typeof given === 'number' && typeof waiting === 'number') return given - waiting;
  return socket.bytesWritten - socket.writableLength;
}
