/** Which values are dark and which are bright: by percentiles of each image, or fixed. */
import { quantileLevels } from '../wire/messages.js';

export const windowNames = { full: 'min–max', p01: '0.1–99.9 %', p1: '1–99 %', p5: '5–95 %', fixed: 'fixed' } as const;

export type WindowName = keyof typeof windowNames;

/** The lower level of each window. */
const lowLevels: Readonly<Record<Exclude<WindowName, 'fixed'>, (typeof quantileLevels)[number]>> = {
  full: 0,
  p01: 0.001,
  p1: 0.01,
  p5: 0.05,
};

export class WindowLevel {
  #name: WindowName = 'p01';
  #low = 0;
  #high = 1;

  get name(): WindowName {
    return this.#name;
  }

  get low(): number {
    return this.#low;
  }

  get high(): number {
    return this.#high;
  }

  choose(name: WindowName): void {
    this.#name = name;
  }

  /** Of the newest image. */
  update(quantiles: readonly number[]): void {
    if (this.#name === 'fixed') return;
    const from = quantileLevels.indexOf(lowLevels[this.#name as 'full']);
    this.#set(quantiles[from] ?? 0, quantiles[quantiles.length - 1 - from] ?? 1);
  }

  /** Fixes the window. */
  fix(low: number, high: number): void {
    this.#name = 'fixed';
    this.#set(Math.min(low, high), Math.max(low, high));
  }

  /** A drag: to the right widens the window, upwards darkens the image. Parts of the size of the panel. */
  drag(right: number, up: number): void {
    const width = this.#high - this.#low;
    const center = this.#low + width / 2 + up * width;
    const next = Math.max(width * Math.exp(2 * right), Number.MIN_VALUE);
    this.fix(center - next / 2, center + next / 2);
  }

  #set(low: number, high: number): void {
    this.#low = low;
    this.#high = high > low ? high : low + Math.max(Math.abs(low) * 1e-6, 1e-9);
  }
}
