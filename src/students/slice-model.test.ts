import { describe, expect, it } from "vitest";
import { golden } from "../../test/support/limbeck.js";
import { architectureOf } from "../models/registry.js";
import { loadModelFolder } from "../weights/load-model.js";
import { describeFreshStudent } from "./fresh-student.js";
import { describeSlice, llamaShapeOf, sliceModel } from "./slice-model.js";

const load = (name: string) => loadModelFolder(`${golden}models/${name}`);

describe("describeSlice", () => {
  it.each(["qwen2-sliding-window", "qwen3-sliding-window"])("keeps every layer's window: %s", async (name) => {
    const model = await load(name);
    const { windows } = llamaShapeOf(model);
    expect(windows).toEqual([undefined, 8]);
    for (const layers of [[0], [1], [0, 1]]) {
      const slice = describeSlice(
        model,
        layers.map((layer) => ({ layer })),
      );
      expect(llamaShapeOf(slice).windows).toEqual(layers.map((layer) => windows[layer]));
    }
  });

  it("writes down from where on layers have windows where config.json leaves it to the default", () => {
    const shape = {
      modelType: "qwen2",
      layers: 30,
      hiddenSize: 8,
      heads: 2,
      feedForwardSize: 8,
      tieEmbeddings: true,
      maxPositions: 64,
      ropeTheta: 1e4,
      normEpsilon: 1e-6,
      vocabSize: 16,
    };
    const { architecture, config } = describeFreshStudent(shape);
    const withWindows = { ...config, use_sliding_window: true, sliding_window: 4 };
    const model = { architecture, config: withWindows, shape: architecture.parse(withWindows) };
    const slice = describeSlice(model, [{ layer: 0 }, { layer: 27 }, { layer: 28 }]);
    expect(llamaShapeOf(slice).windows).toEqual([undefined, undefined, 4]);
  });
});

describe("sliceModel", () => {
  it.each(["llama-biases", "qwen3-tied-biases", "mistral", "llama-old-config"])(
    "copies every weight where all is kept: %s",
    async (name) => {
      const model = await load(name);
      const { layers, feedForwardSize, keyValueHeads } = llamaShapeOf(model);
      const all = (count: number) => Array.from({ length: count }, (_, i) => i);
      const parts = all(layers).map((layer) => {
        return { layer, neurons: all(feedForwardSize), keyValueHeads: all(keyValueHeads) };
      });
      const { weights, shape } = await sliceModel(model.path, model, parts);
      expect(weights).toEqual(model.weights);
      expect(shape).toEqual(model.shape);
    },
  );

  it("refuses an architecture whose weights it does not know", async () => {
    const model = await load("llama");
    const architecture = { ...architectureOf(model.config) };
    await expect(sliceModel(model.path, { ...model, architecture }, [{ layer: 0 }])).rejects.toMatchObject({
      code: "UNSUPPORTED",
    });
  });
});
