/**
 * @file Matrices in 8 bits, one scale per output, multiplied in whole numbers: standard ops only.
 *
 * With the scales s of the outputs and t of the rows of x:
 *
 *     q = round(x / t) + 128,  t = max |x| / 127        8 bits, per row: one row's outlier costs the others nothing
 *     y = (q − 128) · W₈ · t · s                        MatMulInteger, sums in 32 bits; W₈ within ±64, which every processor adds up
 *
 * @see Jacob et al. 2018 (arXiv:1712.05877) §2; Dettmers et al. 2022, LLM.int8() (arXiv:2208.07339) §2.1, vector-wise scales.
 */

import { TensorProto_DataType as DataType } from "../graph/onnx/generated/onnx_pb.js";
import { portableInt8Range, quantizeInt8 } from "../weights/quantize/index.js";
import type { GraphEditor } from "./graph-editor.js";
import type { Matrix, WeightStore } from "./weight-store.js";

/** Divides nothing by zero: a row of zeros has this scale. */
const smallestScale = 1e-20;

export const storeInt8: WeightStore = {
  product(editor, x, matrix, output) {
    const { values, scales } = stored(editor, matrix);
    const rowScale = scaleOf(editor, x);
    const sums = editor.node("MatMulInteger", [inWholeNumbers(editor, x), values, zeroPoint(editor)]);
    const scaled = editor.node("Mul", [editor.node("Cast", [sums], { to: DataType.FLOAT }), scales]);
    editor.node("Mul", [scaled, rowScale], {}, { output });
  },
  // The matrix lies on its side, `[inputs, outputs]`, so that a tied table is stored once: its rows are columns here.
  gather(editor, ids, matrix, output) {
    const { values, scales } = stored(editor, matrix);
    const columns = editor.node("Gather", [values, ids], { axis: 1 });
    const rows = editor.node("Transpose", [editor.node("Cast", [columns], { to: DataType.FLOAT })], { perm: [1, 0] });
    const ownScales = editor.node("Gather", [scales, ids], { axis: 0 });
    editor.node("Mul", [rows, editor.node("Unsqueeze", [ownScales, editor.int64(1)])], {}, { output });
  },
};

function stored(editor: GraphEditor, { name, outputs, inputs, data }: Matrix): { values: string; scales: string } {
  const names = { values: `${name}.int8`, scales: `${name}.scale` };
  editor.once(name, () => {
    const { values, scales } = quantizeInt8(data, outputs, inputs, portableInt8Range);
    editor.tensor(names.values, DataType.INT8, [inputs, outputs], new Uint8Array(values.buffer));
    return editor.tensor(names.scales, DataType.FLOAT, [outputs], new Uint8Array(scales.buffer));
  });
  return names;
}

/** t, `[rows, 1]`; layers that read the same x share it. */
function scaleOf(editor: GraphEditor, x: string): string {
  return editor.once(`scale of ${x}`, () => {
    const largest = editor.node("ReduceMax", [editor.node("Abs", [x]), editor.int64(-1)], { keepdims: 1 });
    const above = editor.node("Max", [largest, editor.float32(127 * smallestScale)]);
    return editor.node("Div", [above, editor.float32(127)]);
  });
}

function inWholeNumbers(editor: GraphEditor, x: string): string {
  return editor.once(`${x} in whole numbers`, () => {
    const rounded = editor.node("Round", [editor.node("Div", [x, scaleOf(editor, x)])]);
    return editor.node("Cast", [editor.node("Add", [rounded, editor.float32(128)])], { to: DataType.UINT8 });
  });
}

function zeroPoint(editor: GraphEditor): string {
  return editor.tensor("int8/zero_point", DataType.UINT8, [], Uint8Array.of(128));
}
