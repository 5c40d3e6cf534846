/** @file Weights in 8 or 4 bits, and back. */

export { type BlockBits, type BlockWeight, blockSize, dequantizeBlocks, quantizeBlocks } from "./blocks.js";
export { dequantizeInt8, type Int8Weight, quantizeInt8 } from "./int8-columns.js";
export { findInt8Range, type Int8Range, portableInt8Range } from "./int8-range.js";
export { formatsFor, type ModelUse, type Precision, precisions } from "./precision.js";
