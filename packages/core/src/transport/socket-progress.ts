/** How far a socket has come with what it was given to send. */

/** What Node keeps inside of a socket, as far as it is used here. */
interface SocketInternals {
  readonly _handle?: { readonly bytesWritten?: unknown; readonly writeQueueSize?: unknown } | null;
}

/** What it tells of itself. */
interface WritableSocket {
  readonly bytesWritten: number;
  readonly writableLength: number;
}

/**
 * How many bytes a socket has handed to the system. Of a large piece each part counts as it leaves: from outside the socket looks
 * the same until all of it has. Where this runtime keeps no such handle, and on Windows, a write counts when it is done.
 */
export function flushedBytes(socket: WritableSocket): number {
  const handle = (socket as SocketInternals)._handle;
  const given = handle?.bytesWritten;
  const waiting = handle?.writeQueueSize;
  if (typeof given === 'number' && typeof waiting === 'number') return given - waiting;
  return socket.bytesWritten - socket.writableLength;
}
