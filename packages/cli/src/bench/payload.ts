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

/** A size as people say it: 64 B, 4 KiB, 16 MiB. */
export function sizeText(sizeBytes: number): string {
  if (sizeBytes >= 2 ** 20 && sizeBytes % 2 ** 20 === 0) return `${sizeBytes / 2 ** 20} MiB`;
  if (sizeBytes >= 2 ** 10 && sizeBytes % 2 ** 10 === 0) return `${sizeBytes / 2 ** 10} KiB`;
  return `${sizeBytes} B`;
}
