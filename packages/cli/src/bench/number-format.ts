/** Figures as people read them: as many digits as mean something. */

/** Three digits that mean something, and whole numbers with commas. */
export function formatNumber(value: number): string {
  const decimals = value === 0 ? 0 : Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
  const shown = Number(value.toFixed(decimals));
  return shown.toLocaleString('en-US', { maximumFractionDigits: 6 });
}

/** A time: 83 µs, 1.2 ms, 3.4 s. */
export function formatTime(ms: number): string {
  if (ms < 1) return `${formatNumber(ms * 1000)} µs`;
  return ms < 1000 ? `${formatNumber(ms)} ms` : `${formatNumber(ms / 1000)} s`;
}

/** Megabytes (10^6 bytes) a second. */
export function megabytesPerSecond(bytes: number, elapsedMs: number): number {
  return bytes / 1000 / elapsedMs;
}
