/**
 * @file GGUF's "K" types as float32, exactly as the `gguf` Python package has them: super-blocks of 256 elements whose
 * sub-blocks have scales that are quantized themselves. As in dequantize.ts, the store is the one rounding.
 *
 * @see https://github.com/ggml-org/llama.cpp, gguf-py/gguf/quants.py
 */

import { type Dequantize, halves, signed } from "./dequantize.js";

/** Elements of a super-block. */
export const superBlockElements = 256;

/** 16 bytes of 4-bit scale and minimum, 64 bytes of 2-bit quants, d f16, m f16; sub-blocks of 16: x = d·s·q − m·n. */
export const dequantizeQ2_K: Dequantize = (blocks, target) => {
  const scales = halves(blocks, 84, 80);
  const minima = halves(blocks, 84, 82);
  for (let block = 0, at = 0; block < scales.length; block++, at += 84) {
    for (let subBlock = 0; subBlock < 16; subBlock++) {
      const packed = blocks[at + subBlock]!;
      const scale = scales[block]! * (packed & 15);
      const minimum = minima[block]! * (packed >> 4);
      const pairs = at + 16 + pairsOf(subBlock);
      const shift = pairShift(subBlock);
      const to = block * 256 + subBlock * 16;
      for (let i = 0; i < 16; i++) target[to + i] = scale * ((blocks[pairs + i]! >> shift) & 3) - minimum;
    }
  }
};

/** 32 bytes of third bits, 64 bytes of 2-bit quants, 12 bytes of 6-bit scales, d f16; sub-blocks of 16: x = d·(s − 32)·(q − 4). */
export const dequantizeQ3_K: Dequantize = (blocks, target) => {
  const scales = halves(blocks, 110, 108);
  for (let block = 0, at = 0; block < scales.length; block++, at += 110) {
    for (let subBlock = 0; subBlock < 16; subBlock++) {
      const low = (blocks[at + 96 + (subBlock & 7)]! >> (subBlock < 8 ? 0 : 4)) & 15;
      const high = (blocks[at + 104 + (subBlock & 3)]! >> (2 * (subBlock >> 2))) & 3;
      const scale = scales[block]! * ((low | (high << 4)) - 32);
      const thirdBits = at + (subBlock & 1) * 16;
      const thirdShift = subBlock >> 1;
      const pairs = at + 32 + pairsOf(subBlock);
      const shift = pairShift(subBlock);
      const to = block * 256 + subBlock * 16;
      for (let i = 0; i < 16; i++) {
        const thirdBit = (blocks[thirdBits + i]! >> thirdShift) & 1;
        target[to + i] = scale * (((blocks[pairs + i]! >> shift) & 3) + 4 * thirdBit - 4);
      }
    }
  }
};

/** d f16, m f16, 12 bytes of 6-bit scales and minima, 128 bytes of 4-bit quants; sub-blocks of 32: x = d·s·q − m·n. */
export const dequantizeQ4_K: Dequantize = (blocks, target) => {
  const scales = halves(blocks, 144);
  const minima = halves(blocks, 144, 2);
  for (let block = 0, at = 0; block < scales.length; block++, at += 144) {
    for (let subBlock = 0; subBlock < 8; subBlock++) {
      const scale = scales[block]! * scaleOf(blocks, at + 4, subBlock);
      const minimum = minima[block]! * minimumOf(blocks, at + 4, subBlock);
      for (let i = 0; i < 32; i++) {
        target[block * 256 + subBlock * 32 + i] = scale * fourBits(blocks, at + 16, subBlock, i) - minimum;
      }
    }
  }
};

/** As Q4_K, with 32 bytes of fifth bits before the quants. */
export const dequantizeQ5_K: Dequantize = (blocks, target) => {
  const scales = halves(blocks, 176);
  const minima = halves(blocks, 176, 2);
  for (let block = 0, at = 0; block < scales.length; block++, at += 176) {
    for (let subBlock = 0; subBlock < 8; subBlock++) {
      const scale = scales[block]! * scaleOf(blocks, at + 4, subBlock);
      const minimum = minima[block]! * minimumOf(blocks, at + 4, subBlock);
      for (let i = 0; i < 32; i++) {
        const fifthBit = (blocks[at + 16 + i]! >> subBlock) & 1;
        const quant = fourBits(blocks, at + 48, subBlock, i) | (fifthBit << 4);
        target[block * 256 + subBlock * 32 + i] = scale * quant - minimum;
      }
    }
  }
};

/** 128 bytes of low halves, 64 bytes of upper two bits, 16 × int8 scales, d f16; sub-blocks of 16: x = d·s·(q − 32). */
export const dequantizeQ6_K: Dequantize = (blocks, target) => {
  const scales = halves(blocks, 210, 208);
  for (let block = 0, at = 0; block < scales.length; block++, at += 210) {
    for (let subBlock = 0; subBlock < 16; subBlock++) {
      const scale = scales[block]! * signed(blocks[at + 192 + subBlock]!);
      const lows = at + (subBlock >> 3) * 64 + (subBlock & 3) * 16;
      const lowShift = subBlock & 4;
      const pairs = at + 128 + pairsOf(subBlock);
      const shift = pairShift(subBlock);
      const to = block * 256 + subBlock * 16;
      for (let i = 0; i < 16; i++) {
        const low = (blocks[lows + i]! >> lowShift) & 15;
        target[to + i] = scale * ((low | (((blocks[pairs + i]! >> shift) & 3) << 4)) - 32);
      }
    }
  }
};

/** Where the bit pairs of a sub-block of 16 begin: each half of a super-block has 32 bytes, whose pairs are four runs of 32 elements. */
function pairsOf(subBlock: number): number {
  return (subBlock >> 3) * 32 + (subBlock & 1) * 16;
}

function pairShift(subBlock: number): number {
  return 2 * ((subBlock >> 1) & 3);
}

/** Four bits of element i of a sub-block of 32: two sub-blocks share 32 bytes. */
function fourBits(blocks: Uint8Array, at: number, subBlock: number, i: number): number {
  return (blocks[at + (subBlock >> 1) * 32 + i]! >> ((subBlock & 1) * 4)) & 15;
}

/** 6-bit scale of a sub-block. The first four have bytes 0 to 3; the others half a byte from 8 on, and the top bits of those. */
function scaleOf(blocks: Uint8Array, at: number, subBlock: number): number {
  if (subBlock < 4) return blocks[at + subBlock]! & 63;
  return (blocks[at + 4 + subBlock]! & 15) | ((blocks[at + subBlock - 4]! >> 2) & 48);
}

/** 6-bit minimum of a sub-block, likewise from byte 4 on. */
function minimumOf(blocks: Uint8Array, at: number, subBlock: number): number {
  if (subBlock < 4) return blocks[at + 4 + subBlock]! & 63;
  return (blocks[at + 4 + subBlock]! >> 4) | ((blocks[at + subBlock]! >> 2) & 48);
}
