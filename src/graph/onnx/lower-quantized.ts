/** @file Weights in 8 or 4 bits as ONNX nodes. Products of 8-bit numbers have a standard form; blocks have the engine's own only. */

import type { Value } from "../graph.js";
import type { NodeOf } from "../op-table.js";
import type { Emitter } from "./lower.js";
import { contribDomain, dataTypes } from "./proto.js";

const blockSize = 32;

/** The standard form is the one that the engine fuses into its own op. */
export function dynamicQuantizeMatMul(node: NodeOf<"DynamicQuantizeMatMul">, emitter: Emitter): void {
  const [a, weight, scales] = node.inputs.map((value) => emitter.nameOf(value)) as [string, string, string];
  const output = node.outputs[0]!.name;
  if (emitter.target === "engine") {
    emitter.node("DynamicQuantizeMatMul", [a, weight, scales], [output], {}, contribDomain);
    return;
  }
  const [rounded, scale, zero] = [emitter.fresh("rounded"), emitter.fresh("scale"), emitter.fresh("zero")];
  emitter.node("DynamicQuantizeLinear", [a], [rounded, scale, zero]);
  const product = emitter.node("MatMulInteger", [rounded, weight, zero], [emitter.fresh("product")]);
  const numbers = emitter.node("Cast", [product], [emitter.fresh("numbers")], { to: dataTypes.float32 });
  const bothScales = emitter.node("Mul", [scale, scales], [emitter.fresh("scales")]);
  emitter.node("Mul", [numbers, bothScales], [output]);
}

/** The engine's op for both targets: the standard has no numbers of 4 bits at the opset that is written. */
export function matMulNBits(node: NodeOf<"MatMulNBits">, emitter: Emitter): void {
  const [a, weight] = node.inputs as readonly [Value, Value, Value];
  const attributes = {
    K: a.shape.at(-1) as number,
    N: weight.shape[0] as number,
    bits: node.attributes.bits,
    block_size: blockSize,
    // The operand that is not kept may be rounded to 8 bits, which the fast kernels do.
    accuracy_level: 4,
  };
  const inputs = node.inputs.map((value) => emitter.nameOf(value));
  emitter.node("MatMulNBits", inputs, [node.outputs[0]!.name], attributes, contribDomain);
}

/** The engine's op for both targets, like {@link matMulNBits}. */
export function gatherBlockQuantized(node: NodeOf<"GatherBlockQuantized">, emitter: Emitter): void {
  const [table, scales, indices] = node.inputs.map((value) => emitter.nameOf(value)) as [string, string, string];
  const attributes = { bits: node.attributes.bits, block_size: blockSize, gather_axis: 0, quantize_axis: 1 };
  emitter.node("GatherBlockQuantized", [table, indices, scales], [node.outputs[0]!.name], attributes, contribDomain);
}
