/** The values that a program can send over either protocol. */
import type { ArrayValue } from 'serpy-arrays';
import type { TypedNumber } from 'serpy-core';
import { v2 } from '../protocols.js';

/** The values of both protocols. A program that sends only these works with either protocol. */
export type PortableValue = string | number | bigint | TypedNumber | Uint8Array | ArrayValue;

/** Sends a number as an integer: in v2 as int, in v1 as digits. Throws `ERR_SERPY_INTEGER_RANGE` beyond 64 bits. */
export const int = v2.int;

/** Sends a number as a double, also if it is an integer: in v2 as float, in v1 as a decimal text with a point. */
export const float = v2.float;
