/** A row of values as bars of characters. */

const bars = '▁▂▃▄▅▆▇█';
const plainBars = '_.-=+*#@';

/** The latest values that fit, scaled from the lowest to the highest of them. */
export function sparkline(values: readonly number[], columns: number, isPlain: boolean): string {
  const shown = columns > 0 ? values.slice(-columns) : [];
  const lowest = Math.min(...shown);
  const highest = Math.max(...shown);
  const characters = isPlain ? plainBars : bars;
  const level = (value: number) => (highest > lowest ? (value - lowest) / (highest - lowest) : 0.5);
  return shown.map((value) => characters[Math.round(level(value) * (bars.length - 1))]).join('');
}
