/** Checks and formats shapes: the lengths of an array along each axis. */

/** The limit of numpy 2. */
export const maxAxes = 64;

/** The reason why a value is not a shape; undefined for a shape. */
export function shapeError(shape: unknown): string | undefined {
  if (!Array.isArray(shape)) return 'a shape is a list of lengths such as [512, 512]';
  if (shape.length > maxAxes) return `the shape has ${shape.length} axes, and arrays have at most ${maxAxes}`;
  const wrong = shape.find((length) => !Number.isSafeInteger(length) || length < 0);
  return wrong === undefined && !shape.includes(undefined)
    ? undefined
    : `the shape [${shape.map(String).join(', ')}] has a length that is not an integer from 0 on`;
}

/** The number of elements: 1 if there is no axis, at most Infinity, never NaN. */
export function countOf(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, length) => product * length, 1);
}

/** At most this number of axes is shown in an error. */
const maxShownAxes = 8;

/** Formats a shape: `[480, 640]`. */
export function formatShape(shape: readonly number[]): string {
  const rest = shape.length > maxShownAxes ? ', …' : '';
  return `[${shape.slice(0, maxShownAxes).join(', ')}${rest}]`;
}
