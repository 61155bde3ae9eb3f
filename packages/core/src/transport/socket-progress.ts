/** How far a socket has come with what it was given to send. */

/** What Node keeps inside of a socket, as far as it is used here. */
interface Inside {
  readonly _handle?: { readonly bytesWritten?: unknown; readonly writeQueueSize?: unknown } | null;
}

/** What it tells of itself. */
interface Sender {
  readonly bytesWritten: number;
  readonly writableLength: number;
}

/**
 * How many bytes a socket has handed to the system. Of a large piece each part counts as it leaves: from outside the socket looks
 * the same until all of it has. Where this runtime keeps no such handle, and on Windows, a write counts when it is done.
 */
export function leftBytesOf(socket: Sender): number {
  const handle = (socket as Inside)._handle;
  const given = handle?.bytesWritten;
  const waiting = handle?.writeQueueSize;
  if (typeof given === 'number' && typeof waiting === 'number') return given - waiting;
  return socket.bytesWritten - socket.writableLength;
}
