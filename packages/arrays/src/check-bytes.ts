/** Bytes as they are given to be read. */
import { types } from 'node:util';
import { describeValue, ValueError } from 'serpy-core';

/** Throws `ERR_SERPY_VALUE` unless the value is bytes. @param call what they were given to */
export function checkBytes(call: string, value: unknown): asserts value is Uint8Array {
  if (types.isUint8Array(value)) return;
  throw new ValueError(
    `${call} takes bytes (Buffer or Uint8Array), not ${describeValue(value)}: of a message, message.bytes()`,
  );
}
