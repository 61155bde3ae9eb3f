/** The elements of any array as numbers that can be shown. */
import type { NdArray } from 'serpy-arrays';
import type { Numbers } from './reduce.js';

/** In place where the elements are real numbers. Integers of 64 bits become doubles, complex numbers their absolute values. */
export function numbersOf({ data, dtype }: NdArray): Numbers {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    const numbers = new Float64Array(data.length);
    for (let at = 0; at < data.length; at++) numbers[at] = Number(data[at]);
    return numbers;
  }
  if (dtype === 'complex64' || dtype === 'complex128') {
    const numbers = new Float64Array(data.length / 2);
    for (let at = 0; at < numbers.length; at++)
      numbers[at] = Math.hypot(data[2 * at] as number, data[2 * at + 1] as number);
    return numbers;
  }
  return data;
}

/** One element as text, with all digits. */
export function elementText({ data, dtype }: NdArray, index: number): string {
  if (dtype === 'complex64' || dtype === 'complex128') {
    const imaginary = data[2 * index + 1] as number;
    return `${data[2 * index]} ${imaginary < 0 ? '−' : '+'} ${Math.abs(imaginary)}i`;
  }
  return String(data[index]);
}
