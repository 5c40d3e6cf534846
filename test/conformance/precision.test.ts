/** @file Every architecture in 8 and 4 bits: near itself in float32, and the same whether it scores or writes. */

import { readdirSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { score } from "../../src/evaluate/score.js";
import { makeTokenGenerator } from "../../src/generation/token-generator.js";
import { Graph } from "../../src/graph/graph.js";
import { placeModel } from "../../src/models/model-graph.js";
import { type Feeds, liveProgramsForTests } from "../../src/runtime/executor.js";
import { int32Tensor } from "../../src/runtime/tensor.js";
import { type LoadedModel, loadModelFolder } from "../../src/weights/load-model.js";
import { makeLayerSmoother } from "../../src/weights/quantize/smooth-layers.js";
import { runGraph } from "../support/run-graph.js";

const folder = new URL("../golden/models/", import.meta.url).pathname;
const names = readdirSync(folder).filter((name) => !name.includes("."));

afterAll(() => expect(liveProgramsForTests()).toBe(0));

const idsOf = (name: string): number[] =>
  (JSON.parse(readFileSync(`${folder}${name}.json`, "utf8")) as { inputIds: number[][] }).inputIds[0]!;

/** Final hidden states of one sequence. */
async function hiddenOf(model: LoadedModel, ids: readonly number[], weights: Feeds): Promise<Float32Array> {
  const graph = new Graph();
  const { hidden } = placeModel(graph, model, { positionCount: ids.length });
  const feed = (values: (id: number, i: number) => number) =>
    int32Tensor([1, ids.length], Int32Array.from(ids, values));
  const feeds = { ids: feed((id) => id), positions: feed((_, i) => i), documents: feed(() => 0), ...weights };
  const [output] = await runGraph(graph, [hidden], feeds);
  return output!.data as Float32Array;
}

/** Mean of |a − b| over the mean of |b|. */
function relativeError(a: Float32Array, b: Float32Array): number {
  const size = b.reduce((sum, value) => sum + Math.abs(value), 0);
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / size;
}

describe.each(names)("%s", (name) => {
  it("computes the same with outliers moved from activations into weights", async () => {
    const model = await loadModelFolder(`${folder}${name}`);
    const { architecture, shape } = model;
    const structure = architecture.layerStructure!(shape);
    const before = await hiddenOf(model, idsOf(name), Object.fromEntries(model.weights));
    const weights = new Map([...model.weights].map(([key, tensor]) => [key, { ...tensor, data: tensor.data.slice() }]));
    const embeddings = weights.get("model.embed_tokens.weight")!.data as Float32Array;
    const smoother = await makeLayerSmoother(model, structure, embeddings, { threads: 1 });
    for (let layer = 0; layer < shape.layers; layer++) {
      const own = [...weights].filter(([key]) => key.startsWith(structure.prefix(layer)));
      await smoother.smooth(layer, new Map(own));
    }
    await smoother.dispose();
    const changed = [...weights].filter(([key, { data }]) =>
      data.some((value, i) => value !== model.weights.get(key)!.data[i]),
    );
    expect(changed.length).toBeGreaterThanOrEqual(8 * shape.layers);
    const after = await hiddenOf(model, idsOf(name), Object.fromEntries(weights));
    expect(after).toBeAllClose(before, { relative: 1e-4, absolute: 1e-4 });
  });

  it.each([
    ["int8", 0.06],
    ["int4", 0.6],
  ] as const)("reads in %s what it reads in float32, but for rounding", async (precision, bound) => {
    const model = await loadModelFolder(`${folder}${name}`);
    const rounded = await loadModelFolder(`${folder}${name}`, { precision });
    expect([...rounded.weights.keys()].filter((key) => key.endsWith("q_proj.weight"))).toEqual([]);
    const expected = await hiddenOf(model, idsOf(name), Object.fromEntries(model.weights));
    const got = await hiddenOf(rounded, idsOf(name), Object.fromEntries(rounded.weights));
    expect(relativeError(got, expected)).toBeLessThan(bound);
    expect(relativeError(got, expected)).toBeGreaterThan(0);
  });
});

describe.each(["int8", "int4"] as const)("a model that writes in %s", (precision) => {
  it.each(["llama-gqa-tied", "qwen2", "qwen3"])("gives the log-probs of scoring, with %s", async (name) => {
    const model = await loadModelFolder(`${folder}${name}`, { precision, use: "writing" });
    const generator = await makeTokenGenerator(model, { threads: 1 });
    const prompt = idsOf(name).slice(0, 9);
    const ids: number[] = [];
    const logProbs: number[] = [];
    for await (const token of generator.generate([prompt], { maxTokens: 12, samplingTemperature: 1, seed: 3 })) {
      ids.push(token.id);
      logProbs.push(token.logProb);
    }
    await generator.dispose();
    const { tokens } = await score(
      `${folder}${name}`,
      { ids: [...prompt, ...ids], topK: 1 },
      { threads: 1, precision },
    );
    expect(logProbs).toBeAllClose(
      tokens.slice(prompt.length).map(({ logProb }) => logProb!),
      { relative: 0, absolute: 1e-4 },
    );
  });
});
