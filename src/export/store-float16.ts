/**
 * @file Matrices in float16, widened to float32 before they are used. The engine does that once, when it opens the file: half the
 * bytes on disk, arithmetic in float32 on every machine.
 */

import { TensorProto_DataType as DataType } from "../graph/onnx/generated/onnx_pb.js";
import { narrowToFloat16 } from "../weights/sixteen-bit-floats.js";
import type { GraphEditor } from "./graph-editor.js";
import { type Matrix, refuseValue, type WeightStore } from "./weight-store.js";

export const storeFloat16: WeightStore = {
  product(editor, x, matrix, output) {
    editor.node("Gemm", [x, widened(editor, matrix)], { transB: 1 }, { output });
  },
  // What is looked up is widened, not the table.
  gather(editor, ids, matrix, output) {
    const rows = editor.node("Gather", [stored(editor, matrix), ids], { axis: 0 });
    editor.node("Cast", [rows], { to: DataType.FLOAT }, { output });
  },
};

function widened(editor: GraphEditor, matrix: Matrix): string {
  return editor.once(`${matrix.name}:float32`, () =>
    editor.node("Cast", [stored(editor, matrix)], { to: DataType.FLOAT }),
  );
}

function stored(editor: GraphEditor, matrix: Matrix): string {
  const { name, outputs, inputs } = matrix;
  return editor.once(name, () => {
    return editor.tensor(`${name}.float16`, DataType.FLOAT16, [outputs, inputs], float16Bytes(matrix));
  });
}

function float16Bytes(matrix: Matrix): Uint8Array {
  const narrowed = new Uint16Array(matrix.data.length);
  const overflow = narrowToFloat16(matrix.data, narrowed);
  if (overflow >= 0) refuseValue(matrix, "float16", matrix.data[overflow]!);
  return new Uint8Array(narrowed.buffer);
}
