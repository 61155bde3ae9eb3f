/** Numbers that say which of the two kinds they are, where JavaScript has one. */

/** An integer or a double, to be sent as just that. */
export interface TypedNumber {
  readonly type: 'int' | 'float';
  readonly value: number | bigint;
}

/** Another copy of a package makes them with another class, so the shape tells. */
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
