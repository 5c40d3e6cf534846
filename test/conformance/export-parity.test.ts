/** @file Exported ONNX graphs of every architecture give the log-probs of transformers, token by token through their cache. */

import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mean } from "../../src/evaluate/statistics.js";
import { logProbOf } from "../../src/export/compare-logits.js";
import { openExportedModel } from "../../src/export/exported-model.js";
import { makeOnnxGraph } from "../../src/export/onnx-graph.js";
import { matrixKinds, storeWeights } from "../../src/export/store-weights.js";
import type { Precision } from "../../src/export/weight-store.js";
import { writeOnnxFile } from "../../src/graph/onnx/write.js";
import { openModelFile } from "../../src/runtime/model-file.js";
import type { HostTensor } from "../../src/runtime/tensor.js";
import { loadModelFolder } from "../../src/weights/load-model.js";
import {
  dequantizeBlocks,
  dequantizeInt8,
  portableInt8Range,
  quantizeBlocks,
  quantizeInt8,
} from "../../src/weights/quantize/index.js";
import { narrowToFloat16, widenFloat16 } from "../../src/weights/sixteen-bit-floats.js";

const goldenFolder = new URL("../golden/models/", import.meta.url).pathname;
const names = readdirSync(goldenFolder).filter((name) => !name.includes("."));

interface Golden {
  readonly inputIds: readonly (readonly number[])[];
  readonly nextTokenLogProbs: readonly (readonly number[])[];
}

const goldenOf = (name: string) => JSON.parse(readFileSync(`${goldenFolder}${name}.json`, "utf8")) as Golden;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "limbeck-export-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Writes a golden model as one ONNX file with the config.json that belongs to it. */
async function write(
  name: string,
  precision: Precision,
  options: { readonly maxInlineBytes?: number } = {},
  change: (tensor: HostTensor, name: string) => HostTensor = (tensor) => tensor,
) {
  const loaded = await loadModelFolder(`${goldenFolder}${name}`);
  const weights = new Map([...loaded.weights].map(([key, tensor]) => [key, change(tensor, key)]));
  const model = { ...loaded, weights };
  const path = join(folder, `${precision}.onnx`);
  await writeFile(join(folder, "config.json"), JSON.stringify(model.config));
  await writeOnnxFile(path, storeWeights(makeOnnxGraph(model), matrixKinds(model), precision), options);
  return { path, model };
}

/** A matrix as it comes back from a precision; norms and biases as they are. */
function round(tensor: HostTensor, precision: Exclude<Precision, "float32">, isTable: boolean): HostTensor {
  if (tensor.dims.length !== 2) return tensor;
  const [outputs, inputs] = tensor.dims as [number, number];
  const data = tensor.data as Float32Array;
  switch (precision) {
    case "float16": {
      const [bits, widened] = [new Uint16Array(data.length), new Float32Array(data.length)];
      narrowToFloat16(data, bits);
      widenFloat16(bits, widened);
      return { ...tensor, data: widened };
    }
    case "int8":
      return { ...tensor, data: dequantizeInt8(quantizeInt8(data, outputs, inputs, portableInt8Range)) };
    case "int4":
      return { ...tensor, data: dequantizeBlocks(quantizeBlocks(data, outputs, inputs, isTable ? 8 : 4)) };
  }
}

/** Log-probs of each next token, read in pieces of unequal size. */
async function readInPieces(path: string, ids: readonly number[]): Promise<number[]> {
  const model = await openExportedModel(path, { threads: 1 });
  const logProbs: number[] = [];
  for (let start = 0, size = 1; start < ids.length; start += size, size = (size % 7) + 3) {
    const logits = await model.read(ids.slice(start, start + size));
    for (let i = start; i < Math.min(start + size, ids.length - 1); i++) {
      const row = logits.subarray((i - start) * model.headWidth, (i - start + 1) * model.headWidth);
      logProbs.push(logProbOf(row, ids[i + 1]!));
    }
  }
  await model.dispose();
  return logProbs;
}

describe.each(names)("%s as ONNX", (name) => {
  const { inputIds, nextTokenLogProbs } = goldenOf(name);

  it("gives the log-probs of transformers through its key-value cache", async () => {
    const { path } = await write(name, "float32");
    for (const [i, ids] of inputIds.entries()) {
      expect(await readInPieces(path, ids)).toBeAllClose(nextTokenLogProbs[i]!, { absolute: 1e-4 });
    }
  });

  it("reads left-padded batches as it reads each sequence alone", async () => {
    const { path, model } = await write(name, "float32");
    const rows = [inputIds[0]!, inputIds[1]!.slice(0, 11)];
    const width = rows[0]!.length;
    const pads = rows.map((ids) => width - ids.length);
    const feed = (value: (row: number, i: number) => number): HostTensor => ({
      dtype: "int64",
      dims: [rows.length, width],
      data: BigInt64Array.from({ length: rows.length * width }, (_, i) =>
        BigInt(value(Math.floor(i / width), i % width)),
      ),
    });
    const file = await openModelFile(path, { threads: 1 });
    const caches = file.inputs.filter(({ name }) => name.startsWith("past_key_values"));
    const { logits } = await file.run({
      input_ids: feed((row, i) => rows[row]![i - pads[row]!] ?? 0),
      attention_mask: feed((row, i) => (i < pads[row]! ? 0 : 1)),
      position_ids: feed((row, i) => (i < pads[row]! ? 1 : i - pads[row]!)),
      ...Object.fromEntries(
        caches.map(({ name, shape }) => {
          const dims = [rows.length, shape[1] as number, 0, shape[3] as number];
          return [name, { dtype: "float32" as const, dims, data: new Float32Array(0) }];
        }),
      ),
    });
    await file.dispose();
    const { headWidth } = model.shape;
    for (const [row, ids] of rows.entries()) {
      const logProbs = ids.slice(1).map((id, i) => {
        const at = (row * width + pads[row]! + i) * headWidth;
        return logProbOf((logits!.data as Float32Array).subarray(at, at + headWidth), id);
      });
      expect(logProbs).toBeAllClose(nextTokenLogProbs[row]!.slice(0, ids.length - 1), { absolute: 1e-4 });
    }
  });
});

describe("an exported file", () => {
  const { inputIds, nextTokenLogProbs } = goldenOf("llama-gqa-tied");
  // Nats on average: in 8 and 4 bits what is multiplied with the weights is rounded to 8 bits too.
  const bounds = { float16: 1e-5, int8: 0.05, int4: 0.05 } as const;

  it.each([
    ["float16", "llama-gqa-tied"],
    ["int8", "llama-gqa-tied"],
    ["int4", "llama-gqa-tied"],
    ["float16", "llama-head-dim"],
    ["int8", "llama-head-dim"],
    ["int4", "llama-head-dim"],
  ] as const)("in %s computes what weights rounded so compute: %s", async (precision, name) => {
    const ids = goldenOf(name).inputIds[0]!;
    const rounded = await write(name, "float32", {}, (tensor, weight) =>
      round(tensor, precision, /embed|head/.test(weight)),
    );
    const expected = await readInPieces(rounded.path, ids);
    const { path } = await write(name, precision);
    const differences = (await readInPieces(path, ids)).map((logProb, i) => Math.abs(logProb - expected[i]!));
    expect(mean(differences)).toBeLessThan(bounds[precision]);
  });

  it("holds its weights in a file beside it where they are large, under the name that transformers.js looks for", async () => {
    const { path } = await write("llama-gqa-tied", "float32", { maxInlineBytes: 1000 });
    expect((await stat(`${path}_data`)).size).toBeGreaterThan(10_000);
    expect(await readInPieces(path, inputIds[0]!)).toBeAllClose(nextTokenLogProbs[0]!, { absolute: 1e-4 });
    await rm(`${path}_data`);
  });

  it("holds a tied table once", async () => {
    const { model } = await write("llama-gqa-tied", "float32");
    const graph = makeOnnxGraph(model);
    const bytes = (precision: Precision) =>
      storeWeights(graph, matrixKinds(model), precision)
        .graph!.initializer.filter(({ name }) => name.startsWith("model.embed_tokens"))
        .reduce((sum, { rawData }) => sum + rawData!.length, 0);
    const count = model.weights.get("model.embed_tokens.weight")!.data.length;
    expect(bytes("float32")).toBe(4 * count);
    expect(bytes("float16")).toBe(2 * count);
    expect(bytes("int8")).toBe(count + 4 * model.shape.headWidth);
    // A table keeps 8 bits where layers have 4.
    expect(bytes("int4")).toBe((count * 8.5) / 8);
  });

  it("of another layout is refused with what it has", async () => {
    const model = await loadModelFolder(`${goldenFolder}llama`);
    const graph = makeOnnxGraph(model);
    graph.graph!.output[0]!.name = "scores";
    for (const node of graph.graph!.node)
      node.output = node.output.map((name) => (name === "logits" ? "scores" : name));
    const path = join(folder, "other.onnx");
    await writeOnnxFile(path, graph);
    await expect(openExportedModel(path)).rejects.toThrow(/expected input_ids, .* and logits, got inputs/);
  });
});
