/** @file Training a part of a student: frozen weights stay, the others get the gradient that they would get anyway; adapters get LoRA's. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom } from "../../src/data/index.js";
import { frozenWeights } from "../../src/students/freeze.js";
import { addAdapters } from "../../src/students/low-rank-adapters.js";
import { type StudentModel, trainedParameters } from "../../src/students/student-model.js";
import type { LocalTeacher } from "../../src/teachers/local-teacher.js";
import { mergeLowRank } from "../../src/weights/adapter/merge.js";
import type { LoadedModel } from "../../src/weights/load-model.js";
import { documentOf, idsOf, loadGolden, oneStep, teacherOf } from "../support/one-step.js";

const objective = { soft: { weight: 0.7, temperature: 2 }, hard: { weight: 0.3 } };
const documents = [documentOf(idsOf(1, 5), idsOf(2, 9)), documentOf([], idsOf(3, 14))];

let teacher: LocalTeacher;
let untied: LoadedModel;
let tied: LoadedModel;

beforeAll(async () => {
  teacher = await teacherOf(await loadGolden("teacher"));
  untied = await loadGolden("student-llama");
  tied = await loadGolden("student-qwen3-tied");
});
afterAll(() => teacher.dispose());

/** The gradient of every trained weight, by name. */
async function gradientsOf(student: StudentModel): Promise<ReadonlyMap<string, Float32Array>> {
  const { gradient } = await oneStep({ student, teacher, documents, objective });
  const gradients = new Map<string, Float32Array>();
  let at = 0;
  for (const { name, shape } of trainedParameters(student)) {
    const size = shape.reduce((product, each) => product * each, 1);
    gradients.set(name, gradient.slice(at, at + size));
    at += size;
  }
  expect(at).toBe(gradient.length);
  return gradients;
}

describe("a frozen weight", () => {
  it.each([
    "embeddings",
    "head",
    "norms",
    "attention",
    "feed-forward",
    "layers",
    "layers.0",
    "layers.0-1 embeddings model.norm.*",
    "model.layers.*.mlp.* head",
  ])("gets no gradient, and the others get theirs: %s", async (patterns) => {
    const frozen = frozenWeights(untied, patterns.split(" "));
    const whole = await gradientsOf(untied);
    const partial = await gradientsOf({ ...untied, frozen });
    expect([...partial.keys()]).toEqual([...whole.keys()].filter((name) => !frozen.has(name)));
    for (const [name, gradient] of partial) {
      expect(gradient, name).toBeAllClose(whole.get(name)!, { relative: 1e-4, absolute: 1e-7 });
    }
  });

  it("is the head too where that is the embedding table", async () => {
    const whole = await gradientsOf(tied);
    const partial = await gradientsOf({ ...tied, frozen: frozenWeights(tied, ["embeddings"]) });
    expect(partial.has("model.embed_tokens.weight")).toBe(false);
    for (const [name, gradient] of partial) {
      expect(gradient, name).toBeAllClose(whole.get(name)!, { relative: 1e-4, absolute: 1e-7 });
    }
    expect(() => frozenWeights(tied, ["head"])).toThrow(/The head is the embedding table|got "head"/);
  });

  it("is none where nothing would be left", () => {
    expect(() => frozenWeights(untied, ["*"])).toThrow("student.freeze: expected something left to train");
    expect(() => frozenWeights(untied, ["layers.7"])).toThrow('got "layers.7", of which the model has none');
    expect(() => frozenWeights(untied, ["model.layers.*.mpl.*"])).toThrow("expected parts of the model");
  });
});

describe("low-rank adapters", () => {
  const options = { rank: 4, alpha: 6, targets: ["q_proj", "o_proj", "down_proj"] };

  it("get the gradients α/r · Bᵀ·dW and α/r · dW·Aᵀ, and nothing else gets any", async () => {
    const student = addAdapters(untied, options, { seed: 3, baseModel: "base" });
    const random = createRandom(4);
    for (const { name } of trainedParameters(student)) {
      const { data } = student.weights.get(name)!;
      for (let i = 0; i < data.length; i++) data[i] = 0.4 * (random.nextFloat() - 0.5);
    }
    const values = (name: string) => student.weights.get(name)!.data as Float32Array;
    const merged = new Map(untied.weights);
    const targets = [...untied.weights.keys()].filter((name) => /(q_proj|o_proj|down_proj)\.weight$/.test(name));
    const [rank, scale] = [options.rank, options.alpha / options.rank];
    const namesOf = (target: string) =>
      [target.replace(/weight$/, "lora_A.weight"), target.replace(/weight$/, "lora_B.weight")] as const;
    for (const target of targets) {
      const [down, up] = namesOf(target);
      const { dims } = untied.weights.get(target)!;
      const data = mergeLowRank(values(target), { rank, scale, down: values(down), up: values(up) });
      merged.set(target, { dtype: "float32", dims, data });
    }
    const [own, whole] = [await gradientsOf(student), await gradientsOf({ ...untied, weights: merged })];
    expect([...own.keys()]).toEqual(targets.flatMap(namesOf));
    for (const target of targets) {
      const [downName, upName] = namesOf(target);
      const [out, into] = untied.weights.get(target)!.dims as [number, number];
      const [gradient, down, up] = [whole.get(target)!, values(downName), values(upName)];
      const sum = (count: number, term: (i: number) => number) => {
        let total = 0;
        for (let i = 0; i < count; i++) total += term(i);
        return scale * total;
      };
      const downGradient = Array.from({ length: rank * into }, (_, at) => {
        const [k, column] = [Math.floor(at / into), at % into];
        return sum(out, (row) => up[row * rank + k]! * gradient[row * into + column]!);
      });
      const upGradient = Array.from({ length: out * rank }, (_, at) => {
        const [row, k] = [Math.floor(at / rank), at % rank];
        return sum(into, (column) => gradient[row * into + column]! * down[k * into + column]!);
      });
      expect(own.get(downName)!, downName).toBeAllClose(downGradient, { relative: 1e-3, absolute: 1e-6 });
      expect(own.get(upName)!, upName).toBeAllClose(upGradient, { relative: 1e-3, absolute: 1e-6 });
    }
  });

  it("refuse targets that are no linear layers, and list those that are", () => {
    const adapt = (targets: string[]) => addAdapters(untied, { ...options, targets }, { seed: 0, baseModel: "base" });
    for (const target of ["query", "embed_tokens", "proj", "input_layernorm", "lm_head"]) {
      expect(() => adapt(["q_proj", target])).toThrow(
        `(down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj), got "${target}"`,
      );
    }
  });
});
