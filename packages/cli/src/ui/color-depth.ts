/** The number of colors of a terminal, and the palette for images. */
import { WriteStream } from 'node:tty';

export type ColorDepth = 'none' | '256' | 'full';

/**
 * What Node looks at besides the terminal. The variables of build services say which codes their logs show: Node takes their mere
 * presence for an answer.
 */
const notTheTerminal: ReadonlySet<string> = new Set(['NO_COLOR', 'FORCE_COLOR', 'CI', 'TF_BUILD', 'TEAMCITY_VERSION']);

/** @param isColored whether colors are wanted at all: `NO_COLOR` and `FORCE_COLOR` have decided that already */
export function colorDepth(isColored: boolean, env: Readonly<Record<string, string | undefined>>): ColorDepth {
  if (!isColored) return 'none';
  const terminal = Object.fromEntries(Object.entries(env).filter(([name]) => !notTheTerminal.has(name)));
  const bits = WriteStream.prototype.getColorDepth(terminal);
  // Node does not know the variable that Windows Terminal sets, also for WSL.
  return bits === 24 || env.WT_SESSION !== undefined ? 'full' : '256';
}

/** From dark to bright, evenly spaced: black, violet, red, orange, pale yellow. */
const anchors = [
  [4, 4, 20],
  [72, 16, 112],
  [168, 44, 96],
  [236, 104, 40],
  [250, 190, 50],
  [252, 252, 200],
] as const;

/** Steps between dark and bright. The eye does not distinguish more. */
const steps = 64;

/** The codes of all steps, without `38;` or `48;` before them. */
export function palette(depth: '256' | 'full'): readonly string[] {
  return Array.from({ length: steps }, (_, step) => {
    const [red, green, blue] = colorAt(step / (steps - 1));
    if (depth === 'full') return `2;${red};${green};${blue}`;
    const level = (value: number) => Math.round((value / 255) * 5);
    return `5;${16 + 36 * level(red) + 6 * level(green) + level(blue)}`;
  });
}

function colorAt(brightness: number): [red: number, green: number, blue: number] {
  const place = brightness * (anchors.length - 1);
  const below = Math.min(anchors.length - 2, Math.floor(place));
  const part = place - below;
  const mix = (channel: 0 | 1 | 2) => {
    const [from = 0, to = 0] = [anchors[below]?.[channel], anchors[below + 1]?.[channel]];
    return Math.round(from + part * (to - from));
  };
  return [mix(0), mix(1), mix(2)];
}
