/** Numbers that state whether they are an integer or a double, which JavaScript does not distinguish. */

/** A number that is sent as an integer or as a double. */
export interface TypedNumber {
  readonly type: 'int' | 'float';
  readonly value: number | bigint;
}

/** Checks the shape, as another copy of the package has another class. */
export function isTypedNumber(value: unknown): value is TypedNumber {
  return (
    typeof value === 'object' &&
    value !== null &&
    'type' in value &&
    (value.type === 'int' || value.type === 'float') &&
    'value' in value &&
    (typeof value.value === 'number' || typeof value.value === 'bigint')
  );
}
