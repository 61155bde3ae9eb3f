/** Where in a value the writer is: for messages, and to see cycles. */

/** One container on the way down, and the place in it. */
export interface Step {
  readonly container: object;
  readonly kind: 'index' | 'property' | 'entry' | 'key' | 'member';
  at: unknown;
}

/** Writes a way down as JavaScript would, such as `value.images[3]` or `value.get("a")`. */
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

/** Writes a key of a Map shortly. */
export function describeKey(key: unknown): string {
  if (typeof key === 'string') return JSON.stringify(key);
  if (typeof key === 'bigint') return `${key}n`;
  return typeof key === 'object' && key !== null ? Object.prototype.toString.call(key).slice(8, -1) : String(key);
}
