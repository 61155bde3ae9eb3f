/** What can be sent over either protocol. */
import type { ArrayValue } from 'serpy-arrays';
import type { TypedNumber } from 'serpy-core';
import { v2 } from '../protocols.js';

/** What both protocols send. A program that sends only these runs over either. */
export type PortableValue = string | number | bigint | TypedNumber | Uint8Array | ArrayValue;

/** Sends a number as an integer: v2's int; in v1 its digits. Throws `ERR_SERPY_INTEGER_RANGE` beyond 64 bits. */
export const int = v2.int;

/** Sends a number as a double, whole or not: v2's float; in v1 a decimal text with a point. */
export const float = v2.float;
