/** @file The tensor types of GGUF that are read: how large their blocks are and how they become float32. */

import {
  blockElements,
  type Dequantize,
  dequantizeBF16,
  dequantizeF16,
  dequantizeF32,
  dequantizeQ4_0,
  dequantizeQ4_1,
  dequantizeQ5_0,
  dequantizeQ5_1,
  dequantizeQ8_0,
} from "./dequantize.js";
import {
  dequantizeQ2_K,
  dequantizeQ3_K,
  dequantizeQ4_K,
  dequantizeQ5_K,
  dequantizeQ6_K,
  superBlockElements,
} from "./dequantize-k.js";

export interface TensorType {
  /** As llama.cpp spells it. */
  readonly name: string;
  /** Elements of a block; rows are whole blocks. */
  readonly elements: number;
  readonly bytes: number;
  readonly dequantize: Dequantize;
}

const type = (name: string, elements: number, bytes: number, dequantize: Dequantize): TensorType => ({
  name,
  elements,
  bytes,
  dequantize,
});

/** By the number that stands in the file. */
export const tensorTypes: ReadonlyMap<number, TensorType> = new Map([
  [0, type("F32", 1, 4, dequantizeF32)],
  [1, type("F16", 1, 2, dequantizeF16)],
  [2, type("Q4_0", blockElements, 18, dequantizeQ4_0)],
  [3, type("Q4_1", blockElements, 20, dequantizeQ4_1)],
  [6, type("Q5_0", blockElements, 22, dequantizeQ5_0)],
  [7, type("Q5_1", blockElements, 24, dequantizeQ5_1)],
  [8, type("Q8_0", blockElements, 34, dequantizeQ8_0)],
  [10, type("Q2_K", superBlockElements, 84, dequantizeQ2_K)],
  [11, type("Q3_K", superBlockElements, 110, dequantizeQ3_K)],
  [12, type("Q4_K", superBlockElements, 144, dequantizeQ4_K)],
  [13, type("Q5_K", superBlockElements, 176, dequantizeQ5_K)],
  [14, type("Q6_K", superBlockElements, 210, dequantizeQ6_K)],
  [30, type("BF16", 1, 2, dequantizeBF16)],
]);

/** Types that are known of and not read. */
const otherNames: { readonly [type: number]: string } = {
  9: "Q8_1",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  20: "IQ4_NL",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4",
  40: "NVFP4",
  41: "Q1_0",
};

/** What a message calls the type. */
export function nameOfType(type: number): string {
  return tensorTypes.get(type)?.name ?? otherNames[type] ?? `the unknown type ${type}`;
}
