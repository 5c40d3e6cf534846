/**
 * @file The two 16-bit float formats that weights are stored in, to and from float32, exactly and many values at a time.
 *
 *     bf16: 1 sign, 8 exponent, 7 fraction bits: the upper half of a float32
 *     f16:  1 sign, 5 exponent, 10 fraction bits: IEEE 754 binary16, largest finite value 65,504
 *
 * Widening is exact, NaN payloads included. Narrowing rounds to the nearest, ties to even, as PyTorch and NumPy do.
 * All of it assumes a little-endian machine, which is what every engine build runs on.
 */

/** Widens bf16 bit patterns into the first values of `target`; returns how many. */
export function widenBfloat16(source: Uint16Array, target: Float32Array): number {
  const bits = bitsOf(target);
  for (let i = 0; i < source.length; i++) bits[i] = source[i]! << 16;
  return source.length;
}

/** Widens f16 bit patterns into the first values of `target`; returns how many. */
export function widenFloat16(source: Uint16Array, target: Float32Array): number {
  float16Table ??= makeFloat16Table();
  const table = float16Table;
  const bits = bitsOf(target);
  for (let i = 0; i < source.length; i++) bits[i] = table[source[i]!]!;
  return source.length;
}

/**
 * Rounds float32 values to bf16 bit patterns.
 *
 * @returns the index of the first finite value that is too large to stay finite, or −1.
 */
export function narrowToBfloat16(source: Float32Array, target: Uint16Array): number {
  const bits = bitsOf(source);
  let overflow = -1;
  for (let i = 0; i < bits.length; i++) {
    const value = bits[i]!;
    const magnitude = value & 0x7fffffff;
    if (magnitude > 0x7f800000) {
      target[i] = (value >>> 16) | 0x40; // a NaN stays one: rounding up could carry it away
    } else {
      target[i] = (value + 0x7fff + ((value >>> 16) & 1)) >>> 16;
      if (overflow < 0 && magnitude >= 0x7f7f8000 && magnitude < 0x7f800000) overflow = i;
    }
  }
  return overflow;
}

/**
 * Rounds float32 values to f16 bit patterns.
 *
 * @returns the index of the first finite value that is too large to stay finite (65,520 and above), or −1.
 */
export function narrowToFloat16(source: Float32Array, target: Uint16Array): number {
  const bits = bitsOf(source);
  let overflow = -1;
  for (let i = 0; i < bits.length; i++) {
    const magnitude = bits[i]! & 0x7fffffff;
    const sign = (bits[i]! >>> 16) & 0x8000;
    if (overflow < 0 && magnitude >= 0x477ff000 && magnitude < 0x7f800000) overflow = i;
    target[i] = sign | narrowMagnitude(magnitude);
  }
  return overflow;
}

function narrowMagnitude(magnitude: number): number {
  if (magnitude > 0x7f800000) return 0x7e00 | ((magnitude >>> 13) & 0x3ff); // NaN
  if (magnitude >= 0x477ff000) return 0x7c00; // 65,520 and above round to infinity
  if (magnitude >= 0x38800000) {
    const rebiased = magnitude - 0x38000000; // exponent bias 127 → 15
    return (rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13;
  }
  if (magnitude <= 0x33000000) return 0; // up to 2⁻²⁵, half of the smallest subnormal, which ties to zero
  const fraction = (magnitude & 0x7fffff) | 0x800000;
  const shift = 126 - (magnitude >>> 23); // to units of 2⁻²⁴
  const kept = fraction >>> shift;
  const rest = fraction & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
}

/** float32 bits of every f16 pattern, 256 KB, made when first needed. */
let float16Table: Uint32Array | undefined;

function makeFloat16Table(): Uint32Array {
  const table = new Uint32Array(0x10000);
  for (let pattern = 0; pattern < 0x10000; pattern++) {
    const sign = (pattern & 0x8000) << 16;
    const exponent = (pattern >>> 10) & 0x1f;
    const fraction = pattern & 0x3ff;
    if (exponent === 0x1f) table[pattern] = sign | 0x7f800000 | (fraction << 13);
    else if (exponent > 0) table[pattern] = sign | ((exponent + 112) << 23) | (fraction << 13);
    else if (fraction > 0) {
      const leading = Math.clz32(fraction) - 21; // shifts that make a subnormal normal
      table[pattern] = sign | ((113 - leading) << 23) | (((fraction << leading) & 0x3ff) << 13);
    } else table[pattern] = sign;
  }
  return table;
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}
