/** The histogram of an image, with the window in it. Dragging in it sets the window. */
import type { ImageFrame } from '../wire/messages.js';
import { element } from './dom.js';

const size = { width: 256, height: 48 } as const;

export class Histogram {
  readonly canvas = element('canvas', {
    class: 'histogram',
    width: String(size.width),
    height: String(size.height),
    title: 'Histogram: drag to set the window',
    'aria-label': 'histogram',
    role: 'img',
  });
  #frame: ImageFrame['histogram'] = { from: 0, to: 1, counts: [] };

  /** @param onWindow called while the user drags a window */
  constructor(onWindow: (low: number, high: number) => void) {
    let start: number | undefined;
    this.canvas.addEventListener('pointerdown', (event) => {
      start = this.#valueAt(event);
      this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener('pointermove', (event) => {
      const end = this.#valueAt(event);
      if (start !== undefined && end !== start) onWindow(start, end);
    });
    for (const name of ['pointerup', 'pointercancel'] as const) {
      this.canvas.addEventListener(name, () => {
        start = undefined;
      });
    }
  }

  draw(histogram: ImageFrame['histogram'], low: number, high: number): void {
    this.#frame = histogram;
    const { counts } = histogram;
    const context = this.canvas.getContext('2d') as CanvasRenderingContext2D;
    const style = getComputedStyle(this.canvas);
    context.clearRect(0, 0, size.width, size.height);
    const most = Math.log1p(Math.max(1, ...counts));
    const step = size.width / Math.max(1, counts.length);
    context.fillStyle = style.color;
    for (const [index, count] of counts.entries()) {
      const height = (Math.log1p(count) / most) * (size.height - 4);
      context.fillRect(index * step, size.height - height, step - 1, height);
    }
    context.fillStyle = style.getPropertyValue('--accent');
    for (const value of [low, high]) context.fillRect(this.#positionOf(value) - 1, 0, 2, size.height);
  }

  #valueAt({ offsetX }: PointerEvent): number {
    const { from, to } = this.#frame;
    return from + (offsetX / this.canvas.clientWidth) * (to - from);
  }

  #positionOf(value: number): number {
    const { from, to } = this.#frame;
    return Math.min(size.width - 1, Math.max(1, ((value - from) / (to - from)) * size.width));
  }
}
