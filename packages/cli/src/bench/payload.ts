/**
 * What is sent to measure: bytes that are readable ASCII, so that they arrive as they are through any echo in either protocol and any mode,
 * also one that sends back as text what came as bytes.
 */

const digits = 12;

/** A message of so many bytes that differs from those of other numbers; of the smallest ones, from its neighbours. */
export function payload(sizeBytes: number, number = 0): Buffer {
  const bytes = Buffer.alloc(sizeBytes, 'serpy bench ');
  const label = String(number).padStart(Math.min(digits, sizeBytes), '0');
  bytes.write(label.slice(-sizeBytes), 'latin1');
  return bytes;
}
