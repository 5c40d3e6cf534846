/** @file Weights in 4 or 8 bits with one scale per block of 32 inputs, as the engine's `MatMulNBits` multiplies them. */

import { expectWeight } from "./expect-weight.js";

export type BlockBits = 4 | 8;

/** Inputs that share a scale. */
export const blockSize = 32;

/**
 * A linear layer's weight in blocks. Element i of a block is scale · (q − 2^(bits − 1)), with q in `bits` bits; of two elements in
 * one byte the first has the low half.
 */
export interface BlockWeight {
  readonly bits: BlockBits;
  readonly inputs: number;
  /** `[outputs, blocks, 32 · bits / 8]`; what fills the last block up is 0. */
  readonly values: Uint8Array;
  /** `[outputs, blocks]`. */
  readonly scales: Float32Array;
}

/**
 * Rounds a weight to blocks, symmetrically. The element of largest magnitude becomes the lowest number, −2^(bits − 1), whatever
 * its sign, so that none of the 2^bits numbers is wasted; then the scale is the one with the least squared error for the numbers
 * found, Σ w·q / Σ q². A block of zeros has the scale 0.
 *
 * @param weight - `[outputs, inputs]`, as Hugging Face files have it.
 * @throws ShapeError where the weight has another size.
 * @see https://github.com/ggml-org/llama.cpp, `quantize_row_q4_0_ref`, which chooses the numbers in this way at 4 bits.
 */
export function quantizeBlocks(weight: Float32Array, outputs: number, inputs: number, bits: BlockBits): BlockWeight {
  expectWeight("quantizeBlocks", weight, outputs, inputs);
  const zero = 2 ** (bits - 1);
  const blocks = Math.ceil(inputs / blockSize);
  const bytesPerBlock = (blockSize * bits) / 8;
  const values = new Uint8Array(outputs * blocks * bytesPerBlock);
  const scales = new Float32Array(outputs * blocks);
  const numbers = new Uint8Array(blockSize);
  for (let block = 0; block < scales.length; block++) {
    const start = Math.floor(block / blocks) * inputs + (block % blocks) * blockSize;
    const count = Math.min(blockSize, inputs - (block % blocks) * blockSize);
    scales[block] = roundBlock(weight.subarray(start, start + count), zero, numbers);
    const at = block * bytesPerBlock;
    if (bits === 8) values.set(numbers, at);
    else for (let i = 0; i < bytesPerBlock; i++) values[at + i] = numbers[2 * i]! | (numbers[2 * i + 1]! << 4);
  }
  return { bits, inputs, values, scales };
}

/** Fills `numbers` with a block's numbers, and returns its scale. */
function roundBlock(block: Float32Array, zero: number, numbers: Uint8Array): number {
  let extreme = 0;
  for (let i = 0; i < block.length; i++) if (Math.abs(block[i]!) > Math.abs(extreme)) extreme = block[i]!;
  const scale = extreme / -zero;
  numbers.fill(zero);
  let products = 0;
  let squares = 0;
  for (let i = 0; i < block.length && scale !== 0; i++) {
    const number = Math.max(-zero, Math.min(zero - 1, Math.round(block[i]! / scale)));
    numbers[i] = number + zero;
    products += block[i]! * number;
    squares += number * number;
  }
  return squares === 0 ? 0 : products / squares;
}

/** The weight that blocks stand for, `[outputs, inputs]`. */
export function dequantizeBlocks({ bits, inputs, values, scales }: BlockWeight): Float32Array {
  const blocks = Math.ceil(inputs / blockSize);
  const outputs = scales.length / blocks;
  const zero = 2 ** (bits - 1);
  return Float32Array.from({ length: outputs * inputs }, (_, i) => {
    const block = Math.floor(i / inputs) * blocks + Math.floor((i % inputs) / blockSize);
    const element = block * blockSize + ((i % inputs) % blockSize);
    const number = bits === 8 ? values[element]! : (values[element >> 1]! >> ((element & 1) * 4)) & 15;
    return scales[block]! * (number - zero);
  });
}
