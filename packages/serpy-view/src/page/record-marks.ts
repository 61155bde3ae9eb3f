/** Marks and gaps of a recording, drawn above the slider. */
import type { MarksView } from '../wire/time.js';
import { element } from './dom.js';

/** Half of the width of the slider's thumb, which the ends of the track leave free. */
const insetPixels = 8;

export class MarkStrip {
  readonly canvas = element('canvas', { class: 'strip', 'aria-hidden': 'true' });
  #marks: MarksView['marks'] = [];
  #gaps: readonly number[] = [];
  #chosen: readonly [first: number, last: number] | undefined;
  #messages = 0;
  #drawn = '';

  show({ marks, gaps }: MarksView): void {
    this.#marks = marks;
    this.#gaps = gaps;
    this.#drawn = '';
  }

  /** @param chosen the interval that is about to be marked */
  draw(messages: number, chosen: readonly [first: number, last: number] | undefined): void {
    this.#messages = messages;
    this.#chosen = chosen;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const style = getComputedStyle(document.documentElement);
    const color = (name: string) => style.getPropertyValue(name).trim();
    const key = JSON.stringify([width, messages, chosen, color('--text')]);
    if (key === this.#drawn || width === 0) return;
    this.#drawn = key;
    this.canvas.width = Math.round(width * devicePixelRatio);
    this.canvas.height = Math.round(height * devicePixelRatio);
    const context = this.canvas.getContext('2d') as CanvasRenderingContext2D;
    context.scale(devicePixelRatio, devicePixelRatio);
    const bar = (first: number, last: number, name: string, top: number) => {
      const left = this.#at(first, width);
      context.fillStyle = color(name);
      context.fillRect(left - 1, top, Math.max(3, this.#at(last, width) - left + 2), height - top);
    };
    for (const { first, last } of this.#marks) bar(first, last, '--accent', 0);
    if (this.#chosen) bar(...this.#chosen, '--text', height / 2);
    for (const gap of this.#gaps) bar(gap, gap, '--bad', 0);
  }

  #at(n: number, width: number): number {
    const part = this.#messages > 1 ? Math.min(1, n / (this.#messages - 1)) : 0;
    return insetPixels + part * (width - 2 * insetPixels);
  }
}
