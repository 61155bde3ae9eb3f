/** Rates of growing counts, over about the last second. */

export interface Totals {
  readonly messages: number;
  readonly bytes: number;
}

export interface Rates {
  /** Adds the current counts, and returns the rates over about `windowMs`. */
  update(nowMs: number, totals: Totals): { readonly perSecond: number; readonly bytesPerSecond: number };
}

export function createRates(windowMs = 1500): Rates {
  const samples: { readonly atMs: number; readonly totals: Totals }[] = [];
  return {
    update(nowMs, totals) {
      samples.push({ atMs: nowMs, totals });
      while (samples.length > 2 && (samples[1]?.atMs ?? nowMs) <= nowMs - windowMs) samples.shift();
      const first = samples[0] ?? { atMs: nowMs, totals };
      const seconds = (nowMs - first.atMs) / 1000;
      if (seconds <= 0) return { perSecond: 0, bytesPerSecond: 0 };
      return {
        perSecond: (totals.messages - first.totals.messages) / seconds,
        bytesPerSecond: (totals.bytes - first.totals.bytes) / seconds,
      };
    },
  };
}
