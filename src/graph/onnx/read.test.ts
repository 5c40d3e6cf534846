import { mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { create, fromBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { numbersOf, runGraph } from "../../../test/support/run-graph.js";
import { liveProgramsForTests } from "../../runtime/executor.js";
import { float32Tensor, int32Tensor } from "../../runtime/tensor.js";
import { toTensorData } from "../dtype.js";
import { Graph } from "../graph.js";
import * as g from "../ops/index.js";
import { printGraph } from "../print.js";
import {
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataType,
} from "./generated/onnx_pb.js";
import { makeNode, makeTensor, makeValueInfo } from "./proto.js";
import { type OnnxGraph, readOnnx } from "./read.js";
import { encodeOnnx, toOnnx, writeOnnxFile } from "./write.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "limbeck-onnx-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  expect(liveProgramsForTests()).toBe(0);
});

/** A model with weights, symbols, scopes, a fused layer and a loop. */
function makeModel() {
  const graph = new Graph();
  const ids = graph.input("ids", "int32", ["tokens"]);
  const table = graph.parameter("table", [20, 16]);
  const weight = graph.parameter("weight", [16]);
  const hidden = graph.within("layers.0", () => {
    const normed = g.rmsNorm(g.gather(table, ids), weight, 1e-6);
    return graph.within("mlp", () => g.add(normed, g.relu(g.mul(normed, 0.5))));
  });
  const { carried, scanned } = graph.within("head", () =>
    g.loop(g.dimScalar(ids, 0), "tokens", [graph.number("float32", 0)], (body, iteration, [sum]) => {
      const logits = body.within("logits", () => g.mul(g.gather(hidden, iteration), weight));
      return { carried: [g.add(sum!, g.reduceSum(logits))], scanned: [g.softmax(logits)] };
    }),
  );
  const weights = {
    table: Float32Array.from({ length: 320 }, (_, i) => Math.sin(i)),
    weight: Float32Array.from({ length: 16 }, (_, i) => 1 + i / 10),
  };
  return {
    graph,
    outputs: [carried[0]!, scanned[0]!],
    weights,
    feeds: { ids: int32Tensor([3], Int32Array.of(4, 0, 19)) },
  };
}

async function runWithWeights({ graph, outputs, weights }: OnnxGraph, feeds: Parameters<typeof runGraph>[2]) {
  const stored = Object.entries(weights).map(([name, data]) => {
    const { dtype, shape } = graph.inputs.find((input) => input.name === name)!;
    return [name, { dtype, dims: shape as readonly number[], data }] as const;
  });
  return runGraph(graph, Object.values(outputs), { ...feeds, ...Object.fromEntries(stored) });
}

describe("a file that limbeck wrote", () => {
  it("comes back as the same text, with its weights as parameters", async () => {
    const { graph, outputs, weights } = makeModel();
    const { model, outputNames } = toOnnx(graph, outputs, { target: "engine", weights });
    const read = await readOnnx(encodeOnnx(model));
    expect(read.inputs.map(({ name, shape }) => [name, shape])).toEqual([["ids", ["tokens"]]]);
    expect(read.weights).toEqual(weights);
    expect(Object.keys(read.outputs)).toEqual(outputNames);
    expect(printGraph(read.graph, Object.values(read.outputs))).toBe(printGraph(graph, outputs));
  });

  it("may keep its weights in a file beside it", async () => {
    const { graph, outputs, weights, feeds } = makeModel();
    const { model } = toOnnx(graph, outputs, { target: "standard", weights });
    const file = path.join(folder, "external.onnx");
    await writeOnnxFile(file, model, { maxInlineBytes: 100 });
    expect((await stat(`${file}_data`)).size).toBe(320 * 4);
    const proto = fromBinary(ModelProtoSchema, await readFile(file));
    expect(proto.graph!.initializer.find(({ name }) => name === "table")!.rawData.length).toBe(0);

    const inline = await readOnnx(encodeOnnx(model));
    const read = await readOnnx(file);
    expect(read.weights).toEqual(weights);
    const [expected, results] = [await runWithWeights(inline, feeds), await runWithWeights(read, feeds)];
    expect(results).toEqual(expected);
  });
});

describe("external data", () => {
  const file = () => path.join(folder, "broken.onnx");
  const write = async () => {
    const { graph, outputs, weights } = makeModel();
    await writeOnnxFile(file(), toOnnx(graph, outputs, { target: "standard", weights }).model, { maxInlineBytes: 100 });
  };

  it("cannot be found from bytes", async () => {
    await write();
    await expect(readOnnx(await readFile(file()))).rejects.toMatchObject({
      code: "MODEL",
      message: 'onnx: tensor "table": its data lies in "broken.onnx_data", which bytes in memory cannot lead to.',
      hint: "Read the model by its path.",
    });
  });

  it("must be there, and long enough", async () => {
    await write();
    await truncate(`${file()}_data`, 1000);
    await expect(readOnnx(file())).rejects.toThrow(
      /"table": its data must lie within the 1000 bytes of .*got offset 0 and length 1280/,
    );
    await rm(`${file()}_data`);
    await expect(readOnnx(file())).rejects.toThrow(
      /"table": its data must lie in ".*broken.onnx_data", which cannot be opened/,
    );
  });

  it.each(["../secret", "/etc/hostname", ""])("must lie beside the model, not in %j", async (location) => {
    await write();
    const model = fromBinary(ModelProtoSchema, await readFile(file()));
    for (const { externalData } of model.graph!.initializer) {
      for (const entry of externalData) if (entry.key === "location") entry.value = location;
    }
    await writeFile(file(), encodeOnnx(model));
    await expect(readOnnx(file())).rejects.toThrow('"table": its data must lie beside the model');
  });
});

interface Foreign {
  readonly nodes: readonly NodeProto[];
  readonly inputs?: Readonly<Record<string, readonly (number | string)[]>>;
  readonly initializers?: readonly TensorProto[];
  readonly outputs?: readonly string[];
  readonly opset?: number;
}

/** The bytes of a model put together by hand; inputs are float32, and the last node's outputs are the model's. */
function foreign({ nodes, inputs = { x: ["rows", 4] }, initializers = [], outputs, opset = 18 }: Foreign): Uint8Array {
  const names = outputs ?? nodes.at(-1)!.output;
  const model: ModelProto = create(ModelProtoSchema, {
    opsetImport: [{ domain: "", version: BigInt(opset) }],
    graph: {
      node: [...nodes],
      initializer: [...initializers],
      input: Object.entries(inputs).map(([name, shape]) => makeValueInfo(name, "float32", shape)),
      output: names.map((name) => makeValueInfo(name, "float32", [])),
    },
  });
  return encodeOnnx(model);
}

const node = (op: string, inputs: readonly string[], attributes = {}, domain = "") =>
  makeNode(op, `layer/${op}`, inputs, ["y"], attributes, domain);
const int64 = (name: string, ...values: readonly number[]) =>
  makeTensor(name, "int64", [values.length], toTensorData("int64", values));

describe("a file that another program wrote", () => {
  it("is read where it uses ops that limbeck has: a small attention model from PyTorch", async () => {
    const at = (name: string) => new URL(`./fixtures/${name}`, import.meta.url);
    const { ids, logProbs } = JSON.parse(await readFile(at("torch-attention.json"), "utf8")) as {
      readonly ids: readonly (readonly number[])[];
      readonly logProbs: readonly (readonly number[])[];
    };
    const read = await readOnnx(at("torch-attention.onnx").pathname);
    expect(read.inputs.map(({ name, shape }) => [name, shape])).toEqual([["ids", ["batch", "tokens"]]]);
    expect(read.outputs.logProbs!.shape).toEqual(["batch", 3]);
    const feeds = { ids: { dtype: "int64", dims: [2, 5], data: toTensorData("int64", ids.flat()) } } as const;
    const [result] = await runWithWeights(read, feeds);
    expect(numbersOf(result)).toBeAllClose(logProbs.flat(), { relative: 1e-5 });
  });

  const feeds = {
    x: float32Tensor([2, 4], Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8)),
    pair: float32Tensor([2], Float32Array.of(1, 2)),
    three: float32Tensor([1], Float32Array.of(3)),
    low: float32Tensor([], Float32Array.of(-1)),
  };
  const forms: readonly (readonly [string, Foreign, readonly number[]])[] = [
    [
      "a Gemm with factors and a bias vector",
      {
        nodes: [node("Gemm", ["x", "x", "pair"], { transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } })],
        inputs: { x: [2, 4], pair: [2] },
      },
      [15 + 2, 35 + 4, 35 + 2, 87 + 4],
    ],
    [
      "axes as an attribute, before opset 18",
      { nodes: [node("ReduceMean", ["x"], { axes: [1], keepdims: 0 })], opset: 17 },
      [2.5, 6.5],
    ],
    ["a reduction over all axes", { nodes: [node("ReduceSum", ["x"])] }, [36]],
    [
      "negative axes, and ends beyond the size",
      {
        nodes: [node("Slice", ["x", "starts", "ends", "axes"])],
        initializers: [
          int64("starts", -3),
          makeTensor("ends", "int64", [1], BigInt64Array.of(2n ** 63n - 1n)),
          int64("axes", -1),
        ],
      },
      [2, 3, 4, 6, 7, 8],
    ],
    [
      "the largest of several",
      { nodes: [node("Max", ["x", "three", "low"])], inputs: { x: ["rows", 4], three: [1], low: [] } },
      [3, 3, 3, 4, 5, 6, 7, 8],
    ],
    ["a transpose without a permutation", { nodes: [node("Transpose", ["x"])] }, [1, 5, 2, 6, 3, 7, 4, 8]],
    [
      "a reshape to −1 and 0",
      { nodes: [node("Reshape", ["x", "shape"])], initializers: [int64("shape", 0, -1, 2)] },
      [1, 2, 3, 4, 5, 6, 7, 8],
    ],
  ];

  it.each(forms)("may use %s", async (_, model, expected) => {
    const read = await readOnnx(foreign(model));
    const [result] = await runWithWeights(read, feeds);
    expect(numbersOf(result)).toEqual(expected);
  });

  it("may leave sizes open, which become symbols", async () => {
    const read = await readOnnx(foreign({ nodes: [node("Exp", ["x"])], inputs: { x: ["", 4] } }));
    expect(read.inputs[0]!.shape).toEqual(["x.0", 4]);
  });

  const refused: readonly (readonly [string, Foreign, string])[] = [
    [
      "an op that limbeck does not have",
      { nodes: [node("LSTM", ["x"])] },
      'onnx: node "layer/LSTM" (op "LSTM" of domain "ai.onnx") cannot be read: limbeck has no such op.',
    ],
    [
      "an op of another domain",
      { nodes: [node("Exp", ["x"], {}, "com.example")] },
      'node "layer/Exp" (op "Exp" of domain "com.example") cannot be read',
    ],
    [
      "an attribute that it does not know",
      { nodes: [node("Cast", ["x"], { to: 1, saturate: 0 })] },
      'attribute "saturate" is not supported',
    ],
    [
      "an attribute of the wrong type",
      { nodes: [node("Softmax", ["x"], { axis: "last" })] },
      'attribute "axis" has the wrong type',
    ],
    [
      "a reduction of scattered updates other than a sum",
      { nodes: [node("ScatterND", ["x", "x", "x"])] },
      'the reduction must be "add"',
    ],
    [
      "a shape that depends on what is fed",
      { nodes: [node("Reshape", ["x", "x"])] },
      "operand 1 must be known when the file is read",
    ],
    ["a missing operand", { nodes: [node("Add", ["x", ""])] }, "operand 1 is missing"],
    [
      "steps in a slice",
      {
        nodes: [node("Slice", ["x", "a", "b", "c", "d"])],
        initializers: [int64("a", 0), int64("b", 4), int64("c", 1), int64("d", 2)],
      },
      "steps must be 1",
    ],
    [
      "a value that nothing makes",
      { nodes: [node("Exp", ["ghost"])] },
      'the value "ghost" must be made before it is used',
    ],
    [
      "shapes that do not fit",
      { nodes: [node("MatMul", ["x", "x"])] },
      'onnx: node "layer/MatMul": MatMul in "layer": operands must be',
    ],
    ["an old opset", { nodes: [node("Exp", ["x"])], opset: 9 }, "onnx: the opset must be from 13 to 21, got 9."],
  ];

  it.each(refused)("is refused with %s", async (_, model, message) => {
    await expect(readOnnx(foreign(model))).rejects.toThrow(message);
  });

  it("is refused with weights of a type that limbeck does not have, or of the wrong length", async () => {
    const half = makeTensor("w", "float32", [2], Float32Array.of(1, 2));
    half.dataType = TensorProto_DataType.FLOAT16;
    const nodes = [node("Exp", ["w"])];
    await expect(readOnnx(foreign({ nodes, initializers: [half] }))).rejects.toThrow(
      'onnx: tensor "w" must have one of the element types float32, float64, int32, int64, int8, uint8, bool, got ONNX type 10.',
    );
    const short = makeTensor("w", "float32", [3], Float32Array.of(1, 2));
    await expect(readOnnx(foreign({ nodes, initializers: [short] }))).rejects.toThrow(
      'onnx: tensor "w": float32 [3] needs a Float32Array of 3 values, got a Float32Array of 2.',
    );
    const torn = makeTensor("w", "float32", [1], Float32Array.of(1));
    torn.rawData = torn.rawData.subarray(1);
    await expect(readOnnx(foreign({ nodes, initializers: [torn] }))).rejects.toThrow(
      "expected whole float32 elements, got 3 bytes",
    );
  });

  it("is refused where it is no model at all", async () => {
    await expect(readOnnx(new TextEncoder().encode('{ "not": "onnx" }'))).rejects.toMatchObject({ code: "MODEL" });
    await expect(readOnnx(new Uint8Array())).rejects.toThrow("onnx: the model must have a graph, got none.");
  });
});
