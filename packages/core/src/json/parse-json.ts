/** The value of a message that is JSON text. `JSON.parse` is safe with deep nesting, and makes `__proto__` a property like any other. */
import { isUtf8 } from 'node:buffer';
import { types } from 'node:util';
import { describeValue } from '../describe-value.js';
import { ValueError } from '../errors.js';
import { faultPosition } from './fault-position.js';

/** Shown of the text before and after the fault. */
const shownBefore = 20;
const shownAfter = 20;

/**
 * The value of JSON text, or of bytes that are JSON text in UTF-8. A number stands for itself.
 * @throws `ERR_SERPY_VALUE`, with `position` in a text that is not JSON
 */
export function parseJson(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  const text = types.isUint8Array(value) ? decoded(value) : value;
  if (typeof text !== 'string') throw new ValueError(`the message is not JSON but ${describeValue(value)}. Use value`);
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw notJson(text);
  }
}

function decoded(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new ValueError(`the message is not JSON but ${bytes.length} bytes that are not UTF-8`);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
}

function notJson(text: string): ValueError {
  const position = faultPosition(text);
  if (text === '') return new ValueError('the message is not JSON: it is empty', { position });
  const start = Math.max(0, position - shownBefore);
  const end = position + shownAfter;
  const excerpt = `${start > 0 ? '…' : ''}${text.slice(start, end)}${end < text.length ? '…' : ''}`;
  const what = position < text.length ? `at position ${position}` : `at its end, position ${position}`;
  return new ValueError(`the message is not JSON: the fault is ${what}, in ${JSON.stringify(excerpt)}`, { position });
}
