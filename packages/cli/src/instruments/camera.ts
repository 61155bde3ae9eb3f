/** A simulated camera: light spots that wander over a dim background, with the noise of counted photons. */
import { mixSeeds, normal, type Random, seededRandom } from './random.js';

export interface CameraOptions {
  readonly width: number;
  readonly height: number;
  readonly dtype: 'uint16' | 'float32';
  /** 1 for the noise of photons, whose variance is their mean; 0 for none. */
  readonly noise: number;
  readonly seed: number;
}

export type Pixels = Uint16Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/** What the camera sees where no spot is, in photons. */
export const background = 120;

const spotCount = 5;

/** Deviates that are drawn once: to draw them for each pixel would take longer than all the rest. */
const deviateCount = 2 ** 16;

/** One spot: how bright and wide it is, and how it wanders. */
interface Spot {
  readonly photons: number;
  /** In widths of the image. */
  readonly sigma: number;
  /** Per axis: turns per frame, and where the first is. */
  readonly x: readonly [speed: number, phase: number];
  readonly y: readonly [speed: number, phase: number];
}

/** The images of a camera. Frame n is the same in every run, whichever were asked for before. */
export function camera(options: CameraOptions): (frame: number) => Pixels {
  const { width, height, dtype, noise, seed } = options;
  const random = seededRandom(seed);
  const spots = Array.from({ length: spotCount }, () => drawSpot(random));
  const deviates = Float32Array.from({ length: deviateCount }, () => noise * normal(random));

  return (frame) => {
    const light = new Float32Array(width * height).fill(background);
    for (const spot of spots) addSpot(light, width, height, spot, frame);
    if (noise > 0) addNoise(light, width, deviates, seededRandom(mixSeeds(seed, frame)));
    return dtype === 'float32' ? light : counted(light);
  };
}

/** Photons as a 16-bit sensor tells them. A loop: `from` with a function takes ten times as long. */
function counted(light: Float32Array): Uint16Array<ArrayBuffer> {
  const counts = new Uint16Array(light.length);
  for (let at = 0; at < light.length; at++) counts[at] = Math.min(0xffff, Math.round(light[at] as number));
  return counts;
}

function drawSpot(random: Random): Spot {
  const way = () => [(0.002 + 0.006 * random()) * (random() < 0.5 ? -1 : 1), random()] as const;
  return { photons: 400 + 2600 * random(), sigma: 0.03 + 0.06 * random(), x: way(), y: way() };
}

/** A round Gaussian is the product of one per axis: that many exponentials and not one per pixel. */
function addSpot(light: Float32Array, width: number, height: number, spot: Spot, frame: number): void {
  const sigma = spot.sigma * Math.max(width, height);
  const across = profile(width, position(spot.x, frame) * width, sigma);
  const down = profile(height, position(spot.y, frame) * height, sigma);
  for (let y = 0; y < height; y++) {
    const photons = spot.photons * (down[y] as number);
    if (photons < 0.01) continue;
    for (let x = 0, at = y * width; x < width; x++, at++) {
      light[at] = (light[at] as number) + photons * (across[x] as number);
    }
  }
}

/** Between 0.15 and 0.85 of the way across. */
function position([speed, phase]: readonly [number, number], frame: number): number {
  return 0.5 + 0.35 * Math.sin(2 * Math.PI * (speed * frame + phase));
}

function profile(length: number, centre: number, sigma: number): Float32Array {
  return Float32Array.from({ length }, (_, at) => Math.exp(-((at - centre) ** 2) / (2 * sigma * sigma)));
}

/** Each row takes its deviates from another place of the table. */
function addNoise(light: Float32Array, width: number, deviates: Float32Array, random: Random): void {
  for (let row = 0; row < light.length; row += width) {
    const start = Math.floor(random() * deviateCount);
    for (let x = 0; x < width; x++) {
      const photons = light[row + x] as number;
      const deviate = deviates[(start + x) % deviateCount] as number;
      light[row + x] = Math.max(0, photons + Math.sqrt(photons) * deviate);
    }
  }
}
