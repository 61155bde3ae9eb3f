/** Peers that do not send lines of text for a program, as far as the first line shows. */
import { describeForeignProtocol, sniffBytes } from 'serpy-core';

/** A hint about the peer, or undefined. @param isComplete whether `start` is the complete first line, and not its first bytes only */
export function foreignProtocolHint(start: Buffer, isComplete: boolean): string | undefined {
  const text = start.toString('latin1', 0, 8);
  if (text.startsWith('\xde\xca\xfe\xca\xfe')) return 'it looks like v2: use serpy-v2';
  if (text.startsWith('\x01SETMODE')) return 'it looks like v1: use serpy-v1';
  const hint = describeForeignProtocol(start);
  if (hint !== undefined || !isComplete) return hint;
  // A web page chooses the path of its request: the middle of a long line does not count.
  const half = sniffBytes / 2 - 1;
  const ends = start.length <= 2 * half ? [start] : [start.subarray(0, half), start.subarray(-half)];
  return describeForeignProtocol(Buffer.concat([...ends, Buffer.from('\r\n')]));
}
