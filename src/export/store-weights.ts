/**
 * @file The weights of an exported graph in fewer bits: every matrix that is a linear layer, an embedding table or both is stored
 * once in its new form, and the nodes that read it are put in terms of that form. Norms and biases stay in float32.
 */

import type { GraphProto, ModelProto, NodeProto } from "../graph/onnx/generated/onnx_pb.js";
import { contribDomain } from "../graph/onnx/proto.js";
import { makeGraphEditor } from "./graph-editor.js";
import { storeFloat16 } from "./store-float16.js";
import { storeInt4 } from "./store-int4.js";
import { storeInt8 } from "./store-int8.js";
import type { Matrix, Precision, WeightStore } from "./weight-store.js";

const stores: Readonly<Record<Exclude<Precision, "float32">, WeightStore>> = {
  float16: storeFloat16,
  int8: storeInt8,
  int4: storeInt4,
};

/**
 * The model with its matrices stored in another precision. The model given stays as it is.
 *
 * @param names - the weights that may be stored so; one that is used in another way than a layer or a table stays in float32.
 * @throws ModelError where a weight is too large for float16.
 */
export function storeWeights(model: ModelProto, names: ReadonlySet<string>, precision: Precision): ModelProto {
  if (precision === "float32") return model;
  const store = stores[precision];
  const graph = model.graph!;
  const matrices = findMatrices(graph, names);
  const nodes: NodeProto[] = [];
  const initializers = graph.initializer.filter(({ name }) => !matrices.has(name));
  const editor = makeGraphEditor(nodes, initializers, precision);
  for (const node of graph.node) {
    const matrix = matrices.get(node.input[weightOperand(node) ?? -1] ?? "");
    if (!matrix) nodes.push(node);
    else if (node.opType === "Gemm") store.product(editor, node.input[0]!, matrix, node.output[0]!);
    else store.gather(editor, node.input[1]!, matrix, node.output[0]!);
  }
  const opsetImport = [...model.opsetImport];
  if (nodes.some(({ domain }) => domain === contribDomain)) {
    opsetImport.push({ ...opsetImport[0]!, domain: contribDomain, version: 1n });
  }
  return { ...model, opsetImport, graph: { ...graph, node: nodes, initializer: initializers } as GraphProto };
}

/** The operand of a node that may be a stored matrix; undefined where the node is neither a layer nor a lookup. */
function weightOperand({ opType, input, attribute }: NodeProto): 0 | 1 | undefined {
  const value = (name: string) => attribute.find((each) => each.name === name);
  if (opType === "Gather") return Number(value("axis")?.i ?? 0) === 0 ? 0 : undefined;
  const isLayer = opType === "Gemm" && input.length === 2 && value("transB")?.i === 1n && !value("transA")?.i;
  return isLayer && (value("alpha")?.f ?? 1) === 1 ? 1 : undefined;
}

function findMatrices({ initializer, node }: GraphProto, names: ReadonlySet<string>): ReadonlyMap<string, Matrix> {
  const otherUses = new Set(node.flatMap((each) => each.input.filter((_, i) => i !== weightOperand(each))));
  const found = initializer.filter(({ name, dims }) => names.has(name) && dims.length === 2 && !otherUses.has(name));
  return new Map(
    found.map(({ name, dims, rawData }) => {
      const { buffer, byteOffset, length } = rawData!;
      const data = new Float32Array(buffer, byteOffset, length / 4);
      return [name, { name, outputs: Number(dims[0]), inputs: Number(dims[1]), data }];
    }),
  );
}
