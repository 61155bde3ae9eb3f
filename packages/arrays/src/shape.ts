/** How long an array is along each axis. */

/** numpy 2 has no arrays with more axes. */
export const maxAxes = 64;

/** Why a value is no shape; undefined for one that is. */
export function shapeError(shape: unknown): string | undefined {
  if (!Array.isArray(shape)) return 'a shape is a list of lengths such as [512, 512]';
  if (shape.length > maxAxes) return `the shape has ${shape.length} axes, and arrays have at most ${maxAxes}`;
  const wrong = shape.find((length) => !Number.isSafeInteger(length) || length < 0);
  return wrong === undefined && !shape.includes(undefined)
    ? undefined
    : `the shape [${shape.map(String).join(', ')}] has a length that is no whole number from 0 on`;
}

/** How many elements there are: one where there is no axis. Infinity at most, and never NaN. */
export function countOf(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, length) => product * length, 1);
}

/** So many axes are shown of a shape in a sentence. */
const maxShownAxes = 8;

/** A shape as people write it. */
export function formatShape(shape: readonly number[]): string {
  const rest = shape.length > maxShownAxes ? ', …' : '';
  return `[${shape.slice(0, maxShownAxes).join(', ')}${rest}]`;
}
