/**
 * @file GGUF's plain and 32-element block types as float32, exactly as the `gguf` Python package has them.
 *
 * Scales are f16 (11 significant bits) and quants have at most 8 bits, so every product and sum below is exact in JavaScript's
 * numbers; the one rounding is the store into float32.
 *
 * @see https://github.com/ggml-org/llama.cpp, gguf-py/gguf/quants.py
 */

import { widenBfloat16, widenFloat16 } from "../sixteen-bit-floats.js";

/** Turns whole blocks into as many elements as `target` has. `blocks` begins at an even address. */
export type Dequantize = (blocks: Uint8Array, target: Float32Array) => void;

/** Elements of a block of the types in this file, but for the plain ones. */
export const blockElements = 32;

export const dequantizeF32: Dequantize = (blocks, target) => {
  new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(blocks);
};

export const dequantizeF16: Dequantize = (blocks, target) => {
  widenFloat16(new Uint16Array(blocks.buffer, blocks.byteOffset, target.length), target);
};

export const dequantizeBF16: Dequantize = (blocks, target) => {
  widenBfloat16(new Uint16Array(blocks.buffer, blocks.byteOffset, target.length), target);
};

/** d f16, 32 × int8: x = d·q. */
export const dequantizeQ8_0: Dequantize = (blocks, target) => {
  const scales = halves(blocks, 34);
  for (let block = 0, at = 0; block < scales.length; block++, at += 34) {
    const scale = scales[block]!;
    for (let i = 0; i < 32; i++) target[block * 32 + i] = scale * signed(blocks[at + 2 + i]!);
  }
};

/** d f16, 16 bytes with elements i and i + 16 in their halves: x = d·(q − 8). */
export const dequantizeQ4_0: Dequantize = (blocks, target) => {
  const scales = halves(blocks, 18);
  for (let block = 0, at = 0; block < scales.length; block++, at += 18) {
    const scale = scales[block]!;
    for (let i = 0; i < 16; i++) {
      const pair = blocks[at + 2 + i]!;
      target[block * 32 + i] = scale * ((pair & 15) - 8);
      target[block * 32 + i + 16] = scale * ((pair >> 4) - 8);
    }
  }
};

/** d f16, m f16, 16 bytes as in Q4_0: x = d·q + m. */
export const dequantizeQ4_1: Dequantize = (blocks, target) => {
  const scales = halves(blocks, 20);
  const minima = halves(blocks, 20, 2);
  for (let block = 0, at = 0; block < scales.length; block++, at += 20) {
    const scale = scales[block]!;
    const minimum = minima[block]!;
    for (let i = 0; i < 16; i++) {
      const pair = blocks[at + 4 + i]!;
      target[block * 32 + i] = scale * (pair & 15) + minimum;
      target[block * 32 + i + 16] = scale * (pair >> 4) + minimum;
    }
  }
};

/** d f16, 32 fifth bits, 16 bytes as in Q4_0: x = d·(q − 16). */
export const dequantizeQ5_0: Dequantize = (blocks, target) => {
  const scales = halves(blocks, 22);
  for (let block = 0, at = 0; block < scales.length; block++, at += 22) {
    const scale = scales[block]!;
    for (let i = 0; i < 16; i++) {
      const pair = blocks[at + 6 + i]!;
      target[block * 32 + i] = scale * (((pair & 15) | fifthBit(blocks, at + 2, i)) - 16);
      target[block * 32 + i + 16] = scale * (((pair >> 4) | fifthBit(blocks, at + 2, i + 16)) - 16);
    }
  }
};

/** d f16, m f16, 32 fifth bits, 16 bytes as in Q4_0: x = d·q + m. */
export const dequantizeQ5_1: Dequantize = (blocks, target) => {
  const scales = halves(blocks, 24);
  const minima = halves(blocks, 24, 2);
  for (let block = 0, at = 0; block < scales.length; block++, at += 24) {
    const scale = scales[block]!;
    const minimum = minima[block]!;
    for (let i = 0; i < 16; i++) {
      const pair = blocks[at + 8 + i]!;
      target[block * 32 + i] = scale * ((pair & 15) | fifthBit(blocks, at + 4, i)) + minimum;
      target[block * 32 + i + 16] = scale * ((pair >> 4) | fifthBit(blocks, at + 4, i + 16)) + minimum;
    }
  }
};

/** The f16 that each block has `offset` bytes after its start. */
export function halves(blocks: Uint8Array, blockBytes: number, offset = 0): Float32Array {
  const patterns = new Uint16Array(blocks.length / blockBytes);
  for (let i = 0; i < patterns.length; i++) {
    const at = i * blockBytes + offset;
    patterns[i] = blocks[at]! | (blocks[at + 1]! << 8);
  }
  const values = new Float32Array(patterns.length);
  widenFloat16(patterns, values);
  return values;
}

/** A byte as int8. */
export function signed(byte: number): number {
  return (byte << 24) >> 24;
}

function fifthBit(blocks: Uint8Array, at: number, element: number): number {
  return ((blocks[at + (element >> 3)]! >> (element & 7)) & 1) << 4;
}
