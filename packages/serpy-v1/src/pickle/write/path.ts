/** The writer's position in a value, for error messages and to detect cycles. */

/** One container on the path, and the position in it. */
export interface Step {
  readonly container: object;
  readonly kind: 'index' | 'property' | 'entry' | 'key' | 'member';
  at: unknown;
}

/** Formats a path as a JavaScript expression: `value.images[3]` or `value.get("a")`. */
export function describePath(steps: readonly Step[]): string {
  return steps.reduce((path, step) => {
    switch (step.kind) {
      case 'index':
        return `${path}[${step.at}]`;
      case 'property':
        return /^[A-Za-z_$][\w$]*$/.test(String(step.at))
          ? `${path}.${step.at}`
          : `${path}[${JSON.stringify(step.at)}]`;
      case 'entry':
        return `${path}.get(${describeKey(step.at)})`;
      case 'key':
        return `[...${path}.keys()][${step.at}]`;
      case 'member':
        return `[...${path}][${step.at}]`;
    }
  }, 'value');
}

/** Formats a key of a Map, without the content of objects. */
export function describeKey(key: unknown): string {
  if (typeof key === 'string') return JSON.stringify(key);
  if (typeof key === 'bigint') return `${key}n`;
  return typeof key === 'object' && key !== null ? Object.prototype.toString.call(key).slice(8, -1) : String(key);
}
