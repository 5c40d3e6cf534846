/** @file Products with, and rows of, weights that are kept in 8 or 4 bits. Inference only: none has a derivative rule. */

import { type Dim, sameDim } from "../dims.js";
import type { Value } from "../graph.js";
import { emit, expectDType, expectRank, fail } from "./emit.js";

/** Elements that share a scale. */
const blockSize = 32;

/**
 * `a · (weight · scales)` with both factors in 8 bits. The weight is rounded already; `a` is rounded when the graph runs, with one
 * scale and one zero point for the whole tensor: a single outlier coarsens every row.
 *
 * @param a - `[…, inputs]`, float32.
 * @param weight - `[inputs, outputs]`, int8, symmetric.
 * @param scales - `[outputs]`, float32.
 * @returns `[…, outputs]`.
 */
export function dynamicQuantizeMatMul(a: Value, weight: Value, scales: Value): Value {
  const op = "DynamicQuantizeMatMul";
  expectDType(op, a, "float32");
  expectDType(op, weight, "int8");
  expectDType(op, scales, "float32");
  expectRank(op, weight, 2);
  const [inputs, outputs] = weight.shape as readonly [Dim, Dim];
  const fits =
    a.shape.length >= 2 &&
    sameDim(a.shape.at(-1)!, inputs) &&
    scales.shape.length === 1 &&
    sameDim(scales.shape[0]!, outputs);
  if (!fits) fail(op, [a, weight, scales], "operands must be […, inputs], [inputs, outputs] and [outputs]");
  return emit(op, [a, weight, scales], {}, { dtype: "float32", shape: [...a.shape.slice(0, -1), outputs] });
}

/** How many bits a number takes that is kept in blocks. */
export interface BlockOptions {
  readonly bits: 4 | 8;
}

/**
 * `a · weightᵀ` with a weight in blocks of 32 inputs, each a scale times numbers around 2^(bits − 1). The engine rounds `a` to 8
 * bits, with a scale per row and block.
 *
 * @param a - `[…, inputs]`, float32.
 * @param weight - `[outputs, blocks, 32 · bits / 8]`, uint8: of two numbers in a byte the first has the low half.
 * @param scales - `[outputs, blocks]`, float32.
 * @returns `[…, outputs]`.
 */
export function matMulNBits(a: Value, weight: Value, scales: Value, { bits }: BlockOptions): Value {
  const op = "MatMulNBits";
  expectDType(op, a, "float32");
  expectDType(op, weight, "uint8");
  expectDType(op, scales, "float32");
  const [outputs, blocks, bytes] = weight.shape;
  const inputs = a.shape.at(-1);
  const fits =
    typeof inputs === "number" &&
    a.shape.length >= 2 &&
    weight.shape.length === 3 &&
    blocks === Math.ceil(inputs / blockSize) &&
    bytes === (blockSize * bits) / 8 &&
    scales.shape.length === 2 &&
    sameDim(scales.shape[0]!, outputs!) &&
    sameDim(scales.shape[1]!, blocks);
  if (!fits) {
    fail(
      op,
      [a, weight, scales],
      `operands must be […, inputs], [outputs, ⌈inputs / ${blockSize}⌉, ${(blockSize * bits) / 8}] and [outputs, blocks]`,
    );
  }
  return emit(op, [a, weight, scales], { bits }, { dtype: "float32", shape: [...a.shape.slice(0, -1), outputs!] });
}

/**
 * Whole rows of a table that is kept as the weight of {@link matMulNBits}.
 *
 * @param table - `[vocab, blocks · 32 · bits / 8]`, uint8.
 * @param scales - `[vocab, blocks]`, float32.
 * @param indices - `[tokens]`, int32 or int64.
 * @returns `[tokens, blocks · 32]`, what fills the last block up included.
 */
export function gatherBlockQuantized(table: Value, scales: Value, indices: Value, { bits }: BlockOptions): Value {
  const op = "GatherBlockQuantized";
  expectDType(op, table, "uint8");
  expectDType(op, scales, "float32");
  expectDType(op, indices, "int32", "int64");
  expectRank(op, table, 2);
  expectRank(op, scales, 2);
  expectRank(op, indices, 1);
  const blocks = scales.shape[1]!;
  const fits =
    typeof blocks === "number" &&
    table.shape[1] === (blocks * blockSize * bits) / 8 &&
    sameDim(table.shape[0]!, scales.shape[0]!);
  if (!fits) {
    fail(op, [table, scales], `operands must be [vocab, blocks * ${(blockSize * bits) / 8}] and [vocab, blocks]`);
  }
  const shape = [indices.shape[0]!, blocks * blockSize];
  return emit(op, [table, scales, indices], { bits }, { dtype: "float32", shape });
}
