/** Checks that an argument is bytes. */
import { types } from 'node:util';
import { describeValue, ValueError } from 'serpy-core';

/** Throws `ERR_SERPY_VALUE` unless the value is bytes. @param call the called function, for the error */
export function checkBytes(call: string, value: unknown): asserts value is Uint8Array {
  if (types.isUint8Array(value)) return;
  throw new ValueError(
    `${call} takes bytes (Buffer or Uint8Array), not ${describeValue(value)}. For a message, pass message.bytes()`,
  );
}
