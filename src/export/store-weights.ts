/**
 * @file The weights of an exported graph in fewer bits: every matrix that is a linear layer, an embedding table or both is stored
 * once in its new form, and the nodes that read it are put in terms of that form. Norms and biases stay in float32.
 */

import type { GraphProto, ModelProto, NodeProto } from "../graph/onnx/generated/onnx_pb.js";
import { contribDomain } from "../graph/onnx/proto.js";
import type { ModelDefinition } from "../models/index.js";
import { makeGraphEditor } from "./graph-editor.js";
import { storeBlocks } from "./store-blocks.js";
import { storeFloat16 } from "./store-float16.js";
import { storeInt8 } from "./store-int8.js";
import type { Matrix, Precision, WeightStore } from "./weight-store.js";

/** What a weight is: a linear layer, or an embedding table or output head, often both at once. */
export type MatrixKind = "layer" | "table";

/** At 4 bits tables keep 8: on SmolLM2 they are a fifth of the weights and would do a quarter of the harm. */
const stores: Readonly<Record<Exclude<Precision, "float32">, Readonly<Record<MatrixKind, WeightStore>>>> = {
  float16: { layer: storeFloat16, table: storeFloat16 },
  int8: { layer: storeInt8, table: storeInt8 },
  int4: { layer: storeBlocks(4), table: storeBlocks(8) },
};

/** Which weights of a model may be stored in fewer bits. */
export function matrixKinds({ architecture, shape }: ModelDefinition): ReadonlyMap<string, MatrixKind> {
  const matrices = architecture.parameters(shape).filter((spec) => spec.shape.length === 2);
  return new Map(
    matrices.map(({ name, role }) => [name, role === "embedding" || role === "head" ? "table" : "layer"] as const),
  );
}

/**
 * The model with its matrices stored in another precision. The model given stays as it is.
 *
 * @param kinds - the weights that may be stored so; one that is used in another way than a layer or a table stays in float32.
 * @throws ModelError where a weight is too large for float16.
 */
export function storeWeights(
  model: ModelProto,
  kinds: ReadonlyMap<string, MatrixKind>,
  precision: Precision,
): ModelProto {
  if (precision === "float32") return model;
  const graph = model.graph!;
  const matrices = findMatrices(graph, kinds);
  const nodes: NodeProto[] = [];
  const initializers = graph.initializer.filter(({ name }) => !matrices.has(name));
  const editor = makeGraphEditor(nodes, initializers, precision);
  for (const node of graph.node) {
    const matrix = matrices.get(node.input[weightOperand(node) ?? -1] ?? "");
    const store = matrix && stores[precision][kinds.get(matrix.name)!];
    if (!matrix || !store) nodes.push(node);
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

function findMatrices(
  { initializer, node }: GraphProto,
  kinds: ReadonlyMap<string, MatrixKind>,
): ReadonlyMap<string, Matrix> {
  const otherUses = new Set(node.flatMap((each) => each.input.filter((_, i) => i !== weightOperand(each))));
  const found = initializer.filter(({ name, dims }) => kinds.has(name) && dims.length === 2 && !otherUses.has(name));
  return new Map(
    found.map(({ name, dims, rawData }) => {
      const { buffer, byteOffset, length } = rawData!;
      const data = new Float32Array(buffer, byteOffset, length / 4);
      return [name, { name, outputs: Number(dims[0]), inputs: Number(dims[1]), data }];
    }),
  );
}
