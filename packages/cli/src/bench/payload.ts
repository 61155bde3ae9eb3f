/**
 * The data of a measurement: readable ASCII as bytes. It passes unchanged through any echo in either protocol and any mode, also one that
 * returns bytes as text.
 */

const digits = 12;

/** A message of this size. Messages with other numbers differ; the smallest ones differ at least from their neighbors. */
export function payload(sizeBytes: number, number = 0): Buffer {
  const bytes = Buffer.alloc(sizeBytes, 'serpy bench ');
  const label = String(number).padStart(Math.min(digits, sizeBytes), '0');
  bytes.write(label.slice(-sizeBytes), 'latin1');
  return bytes;
}
