/** Which part of an image is on the screen. */
import type { Region } from '../wire/messages.js';

const maxScale = 64;

export class Viewport {
  #image = { width: 1, height: 1 };
  #screen = { width: 1, height: 1 };
  #scale = 1;
  /** The point of the image in the middle of the screen. */
  #center = { x: 0.5, y: 0.5 };
  #isFitted = true;

  /** Whether the whole image is on the screen. */
  get isFitted(): boolean {
    return this.#isFitted;
  }

  /** Pixels of the screen per pixel of the image. */
  get scale(): number {
    return this.#scale;
  }

  /** @returns whether the image has another size */
  setImage(width: number, height: number): boolean {
    if (width === this.#image.width && height === this.#image.height) return false;
    this.#image = { width, height };
    this.fit();
    return true;
  }

  setScreen(width: number, height: number): void {
    this.#screen = { width: Math.max(1, width), height: Math.max(1, height) };
    if (this.#isFitted) this.fit();
  }

  fit(): void {
    this.#isFitted = true;
    this.#scale = this.#fittedScale();
    this.#center = { x: this.#image.width / 2, y: this.#image.height / 2 };
  }

  /** Zooms, and keeps the point of the image below a point of the screen. */
  zoom(factor: number, screenX = this.#screen.width / 2, screenY = this.#screen.height / 2): void {
    const before = this.toImage(screenX, screenY);
    const fitted = this.#fittedScale();
    this.#scale = Math.min(Math.max(maxScale, fitted), Math.max(fitted, this.#scale * factor));
    this.#isFitted = this.#scale <= fitted * 1.0001;
    const after = this.toImage(screenX, screenY);
    this.#moveTo(this.#center.x + before.x - after.x, this.#center.y + before.y - after.y);
    if (this.#isFitted) this.fit();
  }

  /** Moves the image by pixels of the screen. */
  pan(dx: number, dy: number): void {
    this.#moveTo(this.#center.x - dx / this.#scale, this.#center.y - dy / this.#scale);
  }

  toImage(screenX: number, screenY: number): { x: number; y: number } {
    return {
      x: this.#center.x + (screenX - this.#screen.width / 2) / this.#scale,
      y: this.#center.y + (screenY - this.#screen.height / 2) / this.#scale,
    };
  }

  toScreen(x: number, y: number): { x: number; y: number } {
    return {
      x: (x - this.#center.x) * this.#scale + this.#screen.width / 2,
      y: (y - this.#center.y) * this.#scale + this.#screen.height / 2,
    };
  }

  /** The visible part of the image; null for all of it. */
  region(): Region | null {
    if (this.#isFitted) return null;
    const from = this.toImage(0, 0);
    const to = this.toImage(this.#screen.width, this.#screen.height);
    const left = Math.max(0, Math.floor(from.x));
    const top = Math.max(0, Math.floor(from.y));
    const right = Math.min(this.#image.width, Math.ceil(to.x));
    const bottom = Math.min(this.#image.height, Math.ceil(to.y));
    return [left, top, Math.max(1, right - left), Math.max(1, bottom - top)];
  }

  #fittedScale(): number {
    return Math.min(this.#screen.width / this.#image.width, this.#screen.height / this.#image.height);
  }

  /** The image never leaves the screen. */
  #moveTo(x: number, y: number): void {
    this.#center = {
      x: inside(x, this.#screen.width / this.#scale, this.#image.width),
      y: inside(y, this.#screen.height / this.#scale, this.#image.height),
    };
  }
}

function inside(center: number, shown: number, size: number): number {
  if (shown >= size) return size / 2;
  return Math.min(size - shown / 2, Math.max(shown / 2, center));
}
