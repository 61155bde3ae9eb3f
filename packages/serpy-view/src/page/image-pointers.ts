/** Mouse, pen and fingers on an image. */
import type { Viewport } from './viewport.js';
import type { WindowLevel } from './window-level.js';

export const toolNames = { window: 'drag: window', pan: 'drag: move', line: 'drag: line' } as const;

/** What dragging does. */
export type Tool = keyof typeof toolNames;

export interface ImageTarget {
  readonly viewport: Viewport;
  readonly level: WindowLevel;
  readonly tool: Tool;
  moved(): void;
  redraw(): void;
  setLine(line: readonly [number, number, number, number] | null): void;
  probe(x: number, y: number): void;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Wheel and pinch zoom, two fingers and the middle button move, and one finger or the left button does what the tool says. */
export function followPointers(canvas: HTMLCanvasElement, target: ImageTarget): void {
  const pressed = new Map<number, Point>();
  let lineStart: Point | undefined;
  const pointOf = (event: PointerEvent | WheelEvent): Point => ({
    x: event.offsetX * devicePixelRatio,
    y: event.offsetY * devicePixelRatio,
  });

  canvas.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      const { x, y } = pointOf(event);
      target.viewport.zoom(Math.exp(-event.deltaY / 400), x, y);
      target.moved();
    },
    { passive: false },
  );
  canvas.addEventListener('dblclick', () => {
    target.viewport.fit();
    target.moved();
  });
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    const point = pointOf(event);
    pressed.set(event.pointerId, point);
    lineStart = target.viewport.toImage(point.x, point.y);
  });
  canvas.addEventListener('pointermove', (event) => {
    const point = pointOf(event);
    const before = pressed.get(event.pointerId);
    const at = target.viewport.toImage(point.x, point.y);
    target.probe(at.x, at.y);
    if (!before) return;
    const others = [...pressed].filter(([id]) => id !== event.pointerId).map(([, other]) => other);
    pressed.set(event.pointerId, point);
    const other = others[0];
    if (other) pinch(target, before, point, other);
    else if (event.buttons === 4 || target.tool === 'pan') {
      target.viewport.pan(point.x - before.x, point.y - before.y);
      target.moved();
    } else if (target.tool === 'line' && lineStart) {
      target.setLine([Math.floor(lineStart.x), Math.floor(lineStart.y), Math.floor(at.x), Math.floor(at.y)]);
    } else {
      target.level.drag((point.x - before.x) / canvas.width, (before.y - point.y) / canvas.height);
      target.redraw();
    }
  });
  for (const name of ['pointerup', 'pointercancel'] as const) {
    canvas.addEventListener(name, (event) => pressed.delete(event.pointerId));
  }
}

function pinch(target: ImageTarget, before: Point, now: Point, other: Point): void {
  const distance = (point: Point) => Math.max(1, Math.hypot(point.x - other.x, point.y - other.y));
  target.viewport.zoom(distance(now) / distance(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
  target.viewport.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
  target.moved();
}
