/** Frames of v2 that the library itself never writes: a Python peer may send an int of any length. */

/** @param hex the payload: an integer with sign, little-endian */
export function intFrame(hex: string): Buffer {
  const payload = Buffer.from(hex, 'hex');
  const header = Buffer.from('decafecafe010000000000000000', 'hex');
  header.writeUInt32LE(
    payload.reduce((sum, byte) => sum + byte, 0),
    6,
  );
  header.writeUInt32LE(payload.length, 10);
  return Buffer.concat([header, payload]);
}
