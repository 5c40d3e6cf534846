/**
 * @file Matrices in 4 or 8 bits, one scale per block of 32 inputs: linear layers by ONNX Runtime's `MatMulNBits`, rows of a table
 * by standard ops on the same bytes. Scales are stored in float16, so that a weight takes 4.5 or 8.5 bits.
 */

import { TensorProto_DataType as DataType } from "../graph/onnx/generated/onnx_pb.js";
import { contribDomain } from "../graph/onnx/proto.js";
import { type BlockBits, blockSize, quantizeBlocks } from "../weights/quantize/index.js";
import { narrowToFloat16 } from "../weights/sixteen-bit-floats.js";
import type { GraphEditor } from "./graph-editor.js";
import { type Matrix, refuseValue, type WeightStore } from "./weight-store.js";

/** Rows of x are rounded to 8 bits, block by block: 3 to 7 times faster than sums in float32 when one row is multiplied. */
const accuracyLevel = 4;

export function storeBlocks(bits: BlockBits): WeightStore {
  return {
    product(editor, x, matrix, output) {
      const { values, scales } = stored(editor, matrix, bits);
      const widened = editor.once(`${scales}:float32`, () => editor.node("Cast", [scales], { to: DataType.FLOAT }));
      const { inputs, outputs } = matrix;
      const attributes = { K: inputs, N: outputs, bits, block_size: blockSize, accuracy_level: accuracyLevel };
      editor.node("MatMulNBits", [x, values, widened], attributes, { output, domain: contribDomain });
    },
    gather(editor, ids, matrix, output) {
      const { values, scales } = stored(editor, matrix, bits);
      const blocks = Math.ceil(matrix.inputs / blockSize);
      const bytes = editor.node("Cast", [editor.node("Gather", [values, ids], { axis: 0 })], { to: DataType.FLOAT });
      const whole = bits === 8 ? bytes : splitBytes(editor, bytes);
      const numbers = editor.node("Sub", [whole, editor.float32(2 ** (bits - 1))]);
      const inBlocks = editor.node("Reshape", [numbers, editor.int64(-1, blocks, blockSize)]);
      const ownScales = editor.node("Cast", [editor.node("Gather", [scales, ids], { axis: 0 })], {
        to: DataType.FLOAT,
      });
      const scaled = editor.node("Mul", [inBlocks, editor.node("Unsqueeze", [ownScales, editor.int64(-1)])]);
      const rows = editor.node("Reshape", [scaled, editor.int64(-1, blocks * blockSize)]);
      // The last block is filled up.
      const bounds = [editor.int64(0), editor.int64(matrix.inputs), editor.int64(1)];
      editor.node("Slice", [rows, ...bounds], {}, { output });
    },
  };
}

/** Two numbers of 4 bits from each byte, the low half first. */
function splitBytes(editor: GraphEditor, bytes: string): string {
  const high = editor.node("Floor", [editor.node("Div", [bytes, editor.float32(16)])]);
  const low = editor.node("Sub", [bytes, editor.node("Mul", [high, editor.float32(16)])]);
  const halves = [low, high].map((half) => editor.node("Unsqueeze", [half, editor.int64(-1)]));
  return editor.node("Concat", halves, { axis: -1 });
}

function stored(editor: GraphEditor, matrix: Matrix, bits: BlockBits): { values: string; scales: string } {
  const { name, outputs, inputs, data } = matrix;
  const names = { values: `${name}.int${bits}`, scales: `${name}.scale` };
  editor.once(name, () => {
    const blocks = Math.ceil(inputs / blockSize);
    const { values, scales } = quantizeBlocks(data, outputs, inputs, bits);
    const narrowed = new Uint16Array(scales.length);
    const overflow = narrowToFloat16(scales, narrowed);
    if (overflow >= 0) refuseValue(matrix, "int4", 2 ** (bits - 1) * scales[overflow]!);
    editor.tensor(names.values, DataType.UINT8, [outputs, blocks, (blockSize * bits) / 8], values);
    return editor.tensor(names.scales, DataType.FLOAT16, [outputs, blocks], new Uint8Array(narrowed.buffer));
  });
  return names;
}
