import { describe, expect, test } from 'vitest';
import { Viewport } from '../../src/page/viewport.js';

function viewportOf(): Viewport {
  const viewport = new Viewport();
  viewport.setScreen(400, 200);
  viewport.setImage(1000, 1000);
  return viewport;
}

describe('a viewport', () => {
  test('shows the whole image in the middle of the screen', () => {
    const viewport = viewportOf();
    expect([viewport.region(), viewport.scale]).toEqual([null, 0.2]);
    expect(viewport.toScreen(0, 0)).toEqual({ x: 100, y: 0 });
    expect(viewport.toScreen(1000, 1000)).toEqual({ x: 300, y: 200 });
  });

  test('zooms around the cursor', () => {
    const viewport = viewportOf();
    const before = viewport.toImage(220, 120);
    viewport.zoom(4, 220, 120);
    const after = viewport.toImage(220, 120);
    expect(after.x).toBeCloseTo(before.x);
    expect(after.y).toBeCloseTo(before.y);
    expect(viewport.region()).not.toBeNull();
  });

  test('never shows less than the image nor beyond it', () => {
    const viewport = viewportOf();
    viewport.zoom(0.01);
    expect(viewport.isFitted).toBe(true);
    viewport.zoom(10);
    viewport.pan(1e6, 1e6);
    expect(viewport.region()?.slice(0, 2)).toEqual([0, 0]);
    viewport.pan(-1e6, -1e6);
    const [x = 0, y = 0, width = 0, height = 0] = viewport.region() ?? [];
    expect([x + width, y + height]).toEqual([1000, 1000]);
  });

  test('shows another image whole', () => {
    const viewport = viewportOf();
    viewport.zoom(10);
    expect(viewport.setImage(500, 500)).toBe(true);
    expect(viewport.region()).toBeNull();
    expect(viewport.setImage(500, 500)).toBe(false);
  });
});
