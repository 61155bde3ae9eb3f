/** Draws a reduced image with a color map on a canvas. */
import type { Part } from '../wire/frame.js';
import type { ImageFrame, Region } from '../wire/messages.js';
import type { Viewport } from './viewport.js';

const saturatedColor = 0xff_30_30_ff; // red, as the bytes of a pixel are read

export class ImageCanvas {
  readonly canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  /** The image in its own pixels. */
  readonly #pixels = document.createElement('canvas');
  readonly #pixelsContext: CanvasRenderingContext2D;
  #image: ImageData | undefined;
  #region: Region = [0, 0, 1, 1];
  #covered = { width: 1, height: 1 };

  constructor() {
    this.canvas = document.createElement('canvas');
    this.#context = this.canvas.getContext('2d', { alpha: false }) as CanvasRenderingContext2D;
    this.#pixelsContext = this.#pixels.getContext('2d') as CanvasRenderingContext2D;
  }

  /** Colors the pixels of a frame. */
  fill(
    frame: ImageFrame,
    pixels: Part,
    mask: Uint8Array | undefined,
    low: number,
    high: number,
    colors: Uint8ClampedArray,
  ): void {
    const { width, height, bin } = frame;
    if (this.#image?.width !== width || this.#image.height !== height) {
      this.#pixels.width = width;
      this.#pixels.height = height;
      this.#image = this.#pixelsContext.createImageData(width, height);
    }
    const image = this.#image as ImageData;
    const table = colorTable(colors);
    const out = new Uint32Array(image.data.buffer);
    const factor = 256 / (high - low);
    for (let at = 0; at < out.length; at++) {
      const index = ((pixels[at] as number) - low) * factor;
      out[at] = table[index > 0 ? (index < 255 ? index | 0 : 255) : 0] as number;
    }
    if (mask) for (let at = 0; at < out.length; at++) if (mask[at] === 1) out[at] = saturatedColor;
    this.#pixelsContext.putImageData(image, 0, 0);
    this.#region = frame.region;
    this.#covered = { width: width * bin, height: height * bin };
  }

  /** Puts the image where the viewport has it. */
  paint(viewport: Viewport, line: readonly [number, number, number, number] | null): void {
    const context = this.#context;
    const { width, height } = this.canvas;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = '#000';
    context.fillRect(0, 0, width, height);
    if (!this.#image) return;
    const [x, y] = this.#region;
    const from = viewport.toScreen(x, y);
    context.imageSmoothingEnabled = false;
    const { width: columns, height: rows } = this.#covered;
    context.drawImage(this.#pixels, from.x, from.y, columns * viewport.scale, rows * viewport.scale);
    if (line) drawLine(context, viewport, line);
  }

  /** The image in its own pixels, as PNG. */
  png(): Promise<Blob | null> {
    return new Promise((resolve) => this.#pixels.toBlob(resolve, 'image/png'));
  }
}

/** Colors as pixels of `ImageData`. */
function colorTable(colors: Uint8ClampedArray): Uint32Array {
  const bytes = new Uint8ClampedArray(4 * 256).fill(255);
  for (let index = 0; index < 256; index++) bytes.set(colors.subarray(3 * index, 3 * index + 3), 4 * index);
  return new Uint32Array(bytes.buffer);
}

function drawLine(
  context: CanvasRenderingContext2D,
  viewport: Viewport,
  [x0, y0, x1, y1]: readonly [number, number, number, number],
): void {
  const from = viewport.toScreen(x0 + 0.5, y0 + 0.5);
  const to = viewport.toScreen(x1 + 0.5, y1 + 0.5);
  for (const [color, width] of [
    ['#000', 4],
    ['#fff', 2],
  ] as const) {
    context.strokeStyle = color;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
  }
}
