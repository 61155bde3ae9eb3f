/** A simulated camera: light spots that move over a dim background, with photon noise. */
import { mixSeeds, normal, type Random, seededRandom } from './random.js';

export interface CameraOptions {
  readonly width: number;
  readonly height: number;
  readonly dtype: 'uint16' | 'float32';
  /** 1 for photon noise, whose variance is the mean; 0 for none. */
  readonly noise: number;
  readonly seed: number;
}

export type Pixels = Uint16Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/** Photons of a pixel outside the spots. */
export const background = 120;

const spotCount = 5;

/** Normal deviates, computed once: computing them for each pixel would dominate the time of an image. */
const deviateCount = 2 ** 16;

/** One spot: brightness, width and movement. */
interface Spot {
  readonly photons: number;
  /** In widths of the image. */
  readonly sigma: number;
  /** Per axis: oscillations per frame, and the initial phase. */
  readonly x: readonly [speed: number, phase: number];
  readonly y: readonly [speed: number, phase: number];
}

/** The images of a camera. Frame n is the same in every run, in any order of the calls. */
export function camera(options: CameraOptions): (frame: number) => Pixels {
  const { width, height, dtype, noise, seed } = options;
  const random = seededRandom(seed);
  const spots = Array.from({ length: spotCount }, () => drawSpot(random));
  const deviates = Float32Array.from({ length: deviateCount }, () => noise * normal(random));

  return (frame) => {
    const light = new Float32Array(width * height).fill(background);
    for (const spot of spots) addSpot(light, width, height, spot, frame);
    if (noise > 0) addNoise(light, width, deviates, seededRandom(mixSeeds(seed, frame)));
    return dtype === 'float32' ? light : sensorValues(light);
  };
}

/** Photons as the values of a 16-bit sensor. A loop, because `from` with a function takes ten times as long. */
function sensorValues(light: Float32Array): Uint16Array<ArrayBuffer> {
  const counts = new Uint16Array(light.length);
  for (let at = 0; at < light.length; at++) counts[at] = Math.min(0xffff, Math.round(light[at] as number));
  return counts;
}

function drawSpot(random: Random): Spot {
  const movement = () => [(0.002 + 0.006 * random()) * (random() < 0.5 ? -1 : 1), random()] as const;
  return { photons: 400 + 2600 * random(), sigma: 0.03 + 0.06 * random(), x: movement(), y: movement() };
}

/** A round Gaussian is the product of one per axis. This needs one exponential per row and column, not one per pixel. */
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

/** A position between 0.15 and 0.85 of the width. */
function position([speed, phase]: readonly [number, number], frame: number): number {
  return 0.5 + 0.35 * Math.sin(2 * Math.PI * (speed * frame + phase));
}

function profile(length: number, center: number, sigma: number): Float32Array {
  return Float32Array.from({ length }, (_, at) => Math.exp(-((at - center) ** 2) / (2 * sigma * sigma)));
}

/** Each row uses the table of deviates from another start. */
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
