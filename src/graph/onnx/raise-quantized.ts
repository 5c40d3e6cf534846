/** @file From ONNX Runtime's own nodes with weights in 8 or 4 bits to ops of our graph: the counterpart of lower-quantized.ts. */

import * as g from "../ops/index.js";
import type { NodeReader } from "./node-reader.js";
import type { Raise } from "./raise-layout.js";

export const dynamicQuantizeMatMul: Raise = (node) => {
  node.require(!node.inputs[3] && !node.inputs[4], "a zero point and a bias are not supported");
  return g.dynamicQuantizeMatMul(node.input(0), node.input(1), node.input(2));
};

/** The bits of blocks as our ops know them. */
function blockBits(node: NodeReader): 4 | 8 {
  node.require(node.int("block_size", 0) === 32, "blocks must have 32 elements");
  const bits = node.int("bits", 4);
  return bits === 4 || bits === 8 ? bits : node.unsupported("numbers must have 4 or 8 bits");
}

export const matMulNBits: Raise = (node) => {
  const bits = blockBits(node);
  node.require(!node.inputs.slice(3).some(Boolean), "zero points, group indices and a bias are not supported");
  node.require(node.int("accuracy_level", 0) === 4, "accuracy_level must be 4");
  const [a, weight] = [node.input(0), node.input(1)];
  node.require(node.int("K", 0) === a.shape.at(-1), "K must be the width of the first operand");
  node.require(node.int("N", 0) === weight.shape[0], "N must be the height of the second operand");
  return g.matMulNBits(a, weight, node.input(2), { bits });
};

export const gatherBlockQuantized: Raise = (node) => {
  const bits = blockBits(node);
  const isByRow = node.int("gather_axis", 0) === 0 && node.int("quantize_axis", 1) === 1;
  node.require(isByRow && !node.inputs[3], "rows must be taken of blocks without zero points");
  return g.gatherBlockQuantized(node.input(0), node.input(2), node.input(1), { bits });
};
