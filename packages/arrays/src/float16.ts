/** Converts between 16-bit and 32-bit floats by their bits, with integer operations only, so that each NaN keeps its bits. */

/** The bits of the 32-bit float with the same value. */
function float16ToFloat32(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  let fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // Subnormal with 16 bits, normal with 32 bits.
  let wider = 113;
  while ((fraction & 0x400) === 0) {
    fraction <<= 1;
    wider--;
  }
  return sign | (wider << 23) | ((fraction & 0x3ff) << 13);
}

/** The bits of the nearest 16-bit float. Ties go to the even one. */
function float32ToFloat16(single: number): number {
  const sign = (single >>> 16) & 0x8000;
  const size = single & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7c00 | ((size >>> 13) & 0x3ff || 0x200);
  if (size >= 0x47800000) return sign | 0x7c00;
  if (size < 0x33000000) return sign;
  if (size >= 0x38800000) return sign | rounded(size - 0x38000000, 13);
  return sign | rounded((size & 0x7fffff) | 0x800000, 126 - (size >>> 23));
}

function rounded(bits: number, shift: number): number {
  const kept = bits >>> shift;
  const rest = bits & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
}

/** Converts 16-bit floats to 32-bit floats, which represent all their values. */
export function float16ArrayToFloat32(halves: Uint16Array): Float32Array {
  const floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < halves.length; i++) bits[i] = float16ToFloat32(halves[i] as number);
  return floats;
}

/** Converts 32-bit floats to the nearest 16-bit floats. */
export function float32ArrayToFloat16(floats: Float32Array): Uint16Array {
  const halves = new Uint16Array(floats.length);
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  for (let i = 0; i < bits.length; i++) halves[i] = float32ToFloat16(bits[i] as number);
  return halves;
}
