/** @file A soft prompt computes and learns what PEFT and PyTorch say, and is real tokens where its vectors are. Golden: test/golden/scripts/make_soft_prompt.py. */

import { readFileSync } from "node:fs";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { promptStudentViews } from "../../src/data/index.js";
import { makeScorer } from "../../src/evaluate/score.js";
import { bakePrompt } from "../../src/export/baked-prompt.js";
import { logProbOf } from "../../src/export/compare-logits.js";
import { openExportedModel } from "../../src/export/exported-model.js";
import { makeOnnxGraph } from "../../src/export/onnx-graph.js";
import { makeTokenGenerator } from "../../src/generation/token-generator.js";
import { writeOnnxFile } from "../../src/graph/onnx/write.js";
import * as g from "../../src/graph/ops/index.js";
import { promptName, virtualIds } from "../../src/models/index.js";
import { checkGradients } from "../../src/runtime/check-gradients.js";
import { float64Tensor, int32Tensor } from "../../src/runtime/tensor.js";
import { addSoftPrompt } from "../../src/students/soft-prompt.js";
import { type StudentModel, trainedParameters } from "../../src/students/student-model.js";
import { writeSoftPromptFolder } from "../../src/weights/adapter/soft-prompt-folder.js";
import { mergeAdapters, openSafetensors } from "../../src/weights/index.js";
import { type LoadedModel, loadModelFolder, type ModelWithWeights } from "../../src/weights/load-model.js";
import { golden, makeWorkFolder } from "../support/limbeck.js";
import { documentOf, idsOf, oneStep, teacherOf } from "../support/one-step.js";

interface Golden {
  readonly inputIds: readonly (readonly number[])[];
  readonly logProbs: readonly (readonly number[])[];
  readonly context: readonly number[];
  readonly documents: readonly { readonly input: readonly number[]; readonly response: readonly number[] }[];
  readonly loss: number;
  readonly gradient: readonly number[];
}

const expected = JSON.parse(readFileSync(`${golden}soft-prompt.json`, "utf8")) as Golden;
const basePath = `${golden}students/teacher`;
const promptPath = `${golden}students/soft-prompt`;
const virtualTokens = 5;

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
let base: LoadedModel;
let prompted: LoadedModel;

beforeAll(async () => {
  folder = await makeWorkFolder();
  base = await loadModelFolder(basePath);
  prompted = await loadModelFolder(promptPath);
});
afterAll(() => folder.remove());

/** The model as a student that learns its prompt. */
const learning = (model: ModelWithWeights): StudentModel => ({
  ...model,
  frozen: new Set(base.weights.keys()),
  softPrompt: { baseModel: basePath },
});

/** The base with the embeddings of these tokens as its prompt. */
function promptOf(ids: readonly number[]): LoadedModel {
  const start = { seed: 0, tokenizer: undefined, context: ids };
  const student = addSoftPrompt(base, { tokens: ids.length, start: "context" }, start, { baseModel: basePath });
  return { ...base, ...student };
}

async function logProbsOf(model: LoadedModel, ids: readonly number[]): Promise<number[]> {
  const { tokens } = await makeScorer(model, undefined, { threads: 1 }).score({ ids, topK: 1 });
  return tokens.slice(1).map(({ logProb }) => logProb!);
}

const goldenDocuments = () =>
  expected.documents.map(({ input, response }) => documentOf(input, response, [...expected.context, ...input]));

describe("a soft prompt saved by PEFT", () => {
  it("is opened as the model that PEFT makes of it", async () => {
    for (const [i, ids] of expected.inputIds.entries()) {
      expect(await logProbsOf(prompted, ids)).toBeAllClose(expected.logProbs[i]!, { relative: 0, absolute: 1e-4 });
    }
    expect(prompted.fingerprint).not.toBe(base.fingerprint);
    expect(prompted.weights.get(promptName)!.dims).toEqual([virtualTokens, base.shape.hiddenSize]);
  });

  it("is written as PEFT writes it: names, shapes, values and settings", async () => {
    const path = join(folder.path, "written");
    const prompt = prompted.weights.get(promptName)!.data as Float32Array;
    const { hiddenSize, layers } = base.shape;
    const contents = { baseModel: basePath, config: base.config, hiddenSize, layers, prompt };
    await writeSoftPromptFolder(path, contents, basePath, { replace: false });
    await using theirs = await openSafetensors(join(promptPath, "adapter_model.safetensors"));
    await using ours = await openSafetensors(join(path, "adapter_model.safetensors"));
    expect(ours.names()).toEqual(theirs.names());
    expect(ours.info(promptName)).toMatchObject({ dtype: "F32", shape: theirs.info(promptName).shape });
    expect(await ours.readFloat32(promptName)).toEqual(await theirs.readFloat32(promptName));
    const settings = async (of: string) => JSON.parse(await readFile(join(of, "adapter_config.json"), "utf8"));
    const { base_model_name_or_path: _, ...rest } = await settings(path);
    expect(await settings(promptPath)).toMatchObject(rest);
    expect((await loadModelFolder(path)).fingerprint).toBe(prompted.fingerprint);
  });

  it.each([
    [{ num_virtual_tokens: 4 }, "MODEL", 'must hold "prompt_embeddings" of 4 rows and nothing else'],
    [{ num_virtual_tokens: 0 }, "MODEL", '"num_virtual_tokens" must be a whole number of at least 1, got 0'],
    [{ task_type: "SEQ_CLS" }, "UNSUPPORTED", '"task_type" of a soft prompt must be "CAUSAL_LM", got "SEQ_CLS"'],
    [{ peft_type: "PREFIX_TUNING" }, "UNSUPPORTED", '"peft_type" must be "LORA" or "PROMPT_TUNING"'],
    [{ base_model_name_or_path: `${golden}training/teacher` }, "MODEL", 'tensor "prompt_embeddings" must have shape'],
    [{ base_model_name_or_path: "." }, "MODEL", "must be a model, got another adapter"],
  ])("that is none, or of no base, is refused: %j", async (change, code, message) => {
    const path = join(folder.path, "changed");
    await cp(promptPath, path, { recursive: true });
    try {
      const file = join(path, "adapter_config.json");
      const config = { ...JSON.parse(await readFile(file, "utf8")), base_model_name_or_path: basePath, ...change };
      await writeFile(file, JSON.stringify(config));
      await expect(loadModelFolder(path)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    } finally {
      await rm(path, { recursive: true });
    }
  });

  it("cannot be merged into its base", async () => {
    await expect(mergeAdapters(promptPath, join(folder.path, "merged"))).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("a soft prompt is no part of its base's weights"),
    });
  });
});

describe("learning a soft prompt", () => {
  const objective = { soft: { divergence: "forward-kl" } };

  it("has the loss and the gradient of PyTorch in float64, however documents are packed", async () => {
    const teacher = await teacherOf(base);
    const documents = promptStudentViews(goldenDocuments(), virtualIds(prompted.shape));
    for (const layout of [{}, { sequenceLength: 64, microBatches: [[[0, 1, 2]]] }, { recompute: true }]) {
      const { loss, gradient } = await oneStep({
        student: learning(prompted),
        teacher,
        documents,
        objective,
        ...layout,
      });
      expect([loss]).toBeAllClose([expected.loss], { relative: 1e-5 });
      expect(gradient).toBeAllClose(expected.gradient, { relative: 1e-3, absolute: 1e-5 });
    }
    await teacher.dispose();
  });

  it("trains the vectors alone", () => {
    expect(trainedParameters(learning(prompted)).map(({ name }) => name)).toEqual([promptName]);
  });

  it("has the gradient of central differences in float64, for prompt and table alike", async () => {
    const ids = [...virtualIds(prompted.shape), ...idsOf(3, 6), ...virtualIds(prompted.shape), ...idsOf(4, 5)];
    const at = (values: readonly number[]) => int32Tensor([1, ids.length], Int32Array.from(values));
    const length = virtualTokens + 6;
    const inputs = {
      ids: at(ids),
      positions: at(ids.map((_, i) => i % length)),
      documents: at(ids.map((_, i) => Math.floor(i / length))),
    };
    const names = [...prompted.weights.keys()];
    const table = names.find((name) => name.includes("embed_tokens"))!;
    const wide = ({ dims, data }: { readonly dims: readonly number[]; readonly data: unknown }) =>
      float64Tensor(dims, Float64Array.from(data as Float32Array));
    const weights = Object.fromEntries([...prompted.weights].map(([name, tensor]) => [name, wide(tensor)]));
    const feeds = { prompt: weights[promptName]!, table: weights[table]! };
    const { comparisons } = await checkGradients(
      ({ prompt, table: embeddings }) => {
        const { graph } = prompt;
        const constant = (name: string) => {
          const { dims, data } = weights[name]!;
          return graph.constant("float64", dims, data as Float64Array, "weight");
        };
        const fixed = (name: keyof typeof inputs) =>
          graph.constant("int32", inputs[name].dims, inputs[name].data as Int32Array, name);
        const tokens = { ids: fixed("ids"), positions: fixed("positions"), documents: fixed("documents") };
        const values = new Map([[promptName, prompt] as const, [table, embeddings] as const]);
        const { hidden } = prompted.architecture.build(
          graph,
          prompted.shape,
          tokens,
          (name) => values.get(name) ?? constant(name),
          { positionCount: length },
        );
        return g.tanh(hidden);
      },
      { feeds },
    );
    expect(comparisons).toBeGreaterThanOrEqual(2);
  });
});

describe("a soft prompt of tokens' embeddings", () => {
  it("is those tokens in front of the text", async () => {
    const ids = fc.array(fc.nat({ max: base.shape.headWidth - 1 }), { minLength: 1, maxLength: 7 });
    await fc.assert(
      fc.asyncProperty(ids, ids, fc.nat({ max: base.shape.headWidth - 1 }), async (front, text, last) => {
        const whole = [...text, last];
        const behind = await logProbsOf(base, [...front, ...whole]);
        const own = await logProbsOf(promptOf(front), whole);
        expect(own).toBeAllClose(behind.slice(front.length), { relative: 0, absolute: 1e-5 });
      }),
      { numRuns: 12, seed: 7 },
    );
  });

  it("writes on as behind those tokens, several texts at once", async () => {
    const front = idsOf(8, 6);
    const prompts = [idsOf(1, 4), idsOf(2, 9), idsOf(5, 1)];
    const write = async (model: LoadedModel, texts: readonly (readonly number[])[]) => {
      const generator = await makeTokenGenerator(model, { threads: 1 });
      const written: number[][] = texts.map(() => []);
      for await (const { sequence, id } of generator.generate(texts, { maxTokens: 12 })) written[sequence]!.push(id);
      await generator.dispose();
      return written;
    };
    const behind = await write(
      base,
      prompts.map((prompt) => [...front, ...prompt]),
    );
    expect(await write(promptOf(front), prompts)).toEqual(behind);
  });

  it("leaves room for as much less text", async () => {
    const generator = await makeTokenGenerator(promptOf(idsOf(8, 6)), { threads: 1 });
    const longest = base.shape.maxPositions - 6;
    const written = async (length: number) => {
      let count = 0;
      for await (const _ of generator.generate([idsOf(1, length)], { maxTokens: 9 })) count++;
      return count;
    };
    expect(await written(longest - 1)).toBe(1);
    await expect(written(longest)).rejects.toMatchObject({ code: "DATA" });
    await generator.dispose();
  });
});

describe("a soft prompt in an exported graph", () => {
  it("gives the log-probs of PEFT for text alone, read at once or token by token", async () => {
    const path = join(folder.path, "model.onnx");
    await writeFile(join(folder.path, "config.json"), JSON.stringify(prompted.config));
    await writeOnnxFile(path, makeOnnxGraph(prompted, await bakePrompt(prompted)));
    const model = await openExportedModel(path, { threads: 1 });
    const width = model.headWidth;
    for (const [i, ids] of expected.inputIds.entries()) {
      for (const size of [ids.length, 7, 1]) {
        model.start();
        const logProbs: number[] = [];
        for (let start = 0; start < ids.length; start += size) {
          const logits = await model.read(ids.slice(start, start + size));
          for (let at = 0; at < logits.length / width && start + at + 1 < ids.length; at++) {
            logProbs.push(logProbOf(logits.subarray(at * width, (at + 1) * width), ids[start + at + 1]!));
          }
        }
        expect(logProbs).toBeAllClose(expected.logProbs[i]!, { relative: 0, absolute: 1e-4 });
      }
    }
    await model.dispose();
  });
});
