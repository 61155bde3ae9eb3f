/** The message of a protocol with `type` and `value`, which may be JSON. A class, so that `json` is made once and not for each message. */
import { ValueError } from '../errors.js';
import { parseJson } from './parse-json.js';

/** What every message has besides `type` and `value`. */
export interface JsonReading {
  /**
   * The value of a message that is JSON text, or the same as bytes in UTF-8. A number stands for itself.
   * Throws `ERR_SERPY_VALUE`, with its `position`, if the message is not JSON.
   */
  json(): unknown;
}

export class Message<Type extends string, Value> implements JsonReading {
  readonly type: Type;
  readonly value: Value;

  constructor(type: Type, value: Value) {
    this.type = type;
    this.value = value;
  }

  json(): unknown {
    return jsonOf(this);
  }
}

/** @throws `ERR_SERPY_VALUE` */
export function jsonOf({ type, value }: { readonly type: string; readonly value: unknown }): unknown {
  if (type === 'longint')
    throw new ValueError('the message is not JSON but an integer of more than 1024 bytes. Use value');
  return parseJson(value);
}
