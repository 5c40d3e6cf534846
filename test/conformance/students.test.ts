/** @file Students cut from a teacher and low-rank adapters compute what PyTorch and PEFT compute. Golden: test/golden/scripts/make_students.py. */

import { readFileSync } from "node:fs";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom } from "../../src/data/index.js";
import { makeScorer } from "../../src/evaluate/score.js";
import { chooseParts, evenlySpaced } from "../../src/students/choose-parts.js";
import { adapterTensors, addAdapters, modelTensors } from "../../src/students/low-rank-adapters.js";
import { type LayerImportance, measureImportance } from "../../src/students/measure-importance.js";
import { llamaShapeOf, type ModelParts, sliceModel } from "../../src/students/slice-model.js";
import type { StudentModel } from "../../src/students/student-model.js";
import { adapterWeightsFileName } from "../../src/weights/adapter/adapter-config.js";
import { writeAdapterFolder } from "../../src/weights/adapter/adapter-folder.js";
import { mergeAdapters, openSafetensors, writeModelFolder } from "../../src/weights/index.js";
import { type LoadedModel, loadModelFolder, type ModelWithWeights } from "../../src/weights/load-model.js";
import { golden, makeWorkFolder } from "../support/limbeck.js";

interface Golden {
  readonly inputIds: readonly (readonly number[])[];
  readonly importance: readonly LayerImportance[];
  readonly parts: ModelParts;
  readonly studentLogProbs: readonly (readonly number[])[];
  readonly adapterLogProbs: readonly (readonly number[])[];
}

const expected = JSON.parse(readFileSync(`${golden}students.json`, "utf8")) as Golden;
const teacherPath = `${golden}students/teacher`;
const adapterPath = `${golden}students/adapter`;

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
let teacher: LoadedModel;

beforeAll(async () => {
  folder = await makeWorkFolder();
  teacher = await loadModelFolder(teacherPath);
});
afterAll(() => folder.remove());

/** Log-prob of every next token of the golden ids. */
async function scoresOf(model: ModelWithWeights): Promise<number[]> {
  const loaded = { path: "", bytesOnDisk: 0, fingerprint: "", ...model };
  const scores: number[] = [];
  for (const ids of expected.inputIds) {
    const { tokens } = await makeScorer(loaded, undefined, { threads: 1 }).score({ ids, topK: 1 });
    scores.push(...tokens.slice(1).map(({ logProb }) => logProb!));
  }
  return scores;
}

const slice = (parts: ModelParts) => sliceModel(teacherPath, teacher, parts);

describe("measureImportance", () => {
  it("is what forward hooks in PyTorch measure, and does not count padding", async () => {
    const width = 48;
    const fill = (value: (index: number) => number, padding: number) =>
      Int32Array.from({ length: 2 * width }, (_, i) => (i % width < 40 ? value(i) : padding));
    const batch = {
      sequences: 2,
      tokens: width,
      ids: fill((i) => expected.inputIds[Math.floor(i / width)]![i % width]!, 7),
      positions: fill((i) => i % width, 0),
      documents: fill(() => 0, -1),
    };
    const measured = await measureImportance(teacher, [batch], { positionCount: width, threads: 1 });
    for (const [layer, { influence, neurons, keyValueHeads }] of expected.importance.entries()) {
      expect([measured[layer]!.influence]).toBeAllClose([influence], { relative: 1e-4 });
      expect(measured[layer]!.neurons).toBeAllClose(neurons, { relative: 1e-4 });
      expect(measured[layer]!.keyValueHeads).toBeAllClose(keyValueHeads, { relative: 1e-4 });
    }
  });
});

describe("a student cut from its teacher", () => {
  const shape = () => llamaShapeOf(teacher);

  it("keeps the neurons and heads that PyTorch finds largest, and scores as their model does in PyTorch", async () => {
    const layers = expected.parts.map(({ layer }) => layer);
    const parts = chooseParts(shape(), { layers, feedForwardSize: 14, heads: 4 }, expected.importance);
    expect(parts).toEqual(expected.parts);
    expect(await scoresOf(await slice(parts))).toBeAllClose(expected.studentLogProbs.flat(), {
      relative: 0,
      absolute: 1e-4,
    });
  });

  it("is the teacher where every layer, neuron and head is kept", async () => {
    const parts = chooseParts(shape(), { layers: 4, feedForwardSize: 24, heads: 6 }, expected.importance);
    expect(await scoresOf(await slice(parts))).toEqual(await scoresOf(teacher));
  });

  it("scores the same when it is written and opened again", async () => {
    const student = await slice(expected.parts);
    const path = join(folder.path, "student");
    const tensors = modelTensors(student, (name) => student.weights.get(name)!.data as Float32Array);
    await writeModelFolder(path, { config: student.config, tensors, dtype: "float32", copyFrom: teacherPath });
    const opened = await loadModelFolder(path);
    expect(opened.config).toMatchObject({
      num_hidden_layers: 3,
      intermediate_size: 14,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 8,
      layer_types: ["full_attention", "full_attention", "sliding_attention"],
    });
    expect(await scoresOf(opened)).toEqual(await scoresOf(student));
  });

  it("has evenly spaced layers, the first and the last among them, each once", () => {
    expect(evenlySpaced(30, 15)).toEqual([0, 2, 4, 6, 8, 10, 12, 15, 17, 19, 21, 23, 25, 27, 29]);
    for (let total = 1; total <= 40; total++) {
      for (let count = 1; count <= total; count++) {
        const layers = evenlySpaced(total, count);
        expect(new Set(layers).size).toBe(count);
        expect([layers[0], layers.at(-1)]).toEqual([0, count === 1 ? 0 : total - 1]);
      }
    }
  });
});

describe("low-rank adapters", () => {
  const options = { rank: 3, alpha: 5, targets: ["q_proj", "v_proj", "down_proj"] };
  const adapt = () => addAdapters(teacher, options, { seed: 0, baseModel: "../teacher" });
  const read = (student: StudentModel) => (name: string) => student.weights.get(name)!.data as Float32Array;
  /** B is no longer 0. */
  const learned = (): StudentModel => {
    const student = adapt();
    const random = createRandom(9);
    for (const [name, { data }] of student.weights) {
      if (name.includes("lora_B")) for (let i = 0; i < data.length; i++) data[i] = random.nextFloat() - 0.5;
    }
    return student;
  };

  it("saved by PEFT are opened as the model that PEFT makes of them", async () => {
    const merged = await loadModelFolder(adapterPath);
    expect(await scoresOf(merged)).toBeAllClose(expected.adapterLogProbs.flat(), { relative: 0, absolute: 1e-4 });
    expect(merged.fingerprint).not.toBe(teacher.fingerprint);
  });

  it("are merged into a model folder of its own", async () => {
    const path = join(folder.path, "merged");
    await mergeAdapters(adapterPath, path);
    expect(await scoresOf(await loadModelFolder(path))).toEqual(await scoresOf(await loadModelFolder(adapterPath)));
    await expect(mergeAdapters(adapterPath, path)).rejects.toMatchObject({ code: "FILE" });
    await expect(mergeAdapters(teacherPath, join(folder.path, "no"))).rejects.toMatchObject({ code: "MODEL" });
  });

  it.each([
    [{ use_dora: true }, "UNSUPPORTED", '"use_dora" must be off'],
    [{ modules_to_save: ["lm_head"] }, "UNSUPPORTED", '"modules_to_save" must be off'],
    [{ init_lora_weights: "pissa" }, "UNSUPPORTED", '"init_lora_weights" must be'],
    [{ peft_type: "IA3" }, "UNSUPPORTED", '"peft_type" must be "LORA" or "PROMPT_TUNING", got "IA3"'],
    [{ r: 0 }, "MODEL", '"r" and "lora_alpha" must be numbers above 0'],
    [{ base_model_name_or_path: `${golden}training/teacher` }, "MODEL", "must be [rank,"],
    [{ base_model_name_or_path: "." }, "MODEL", "must be a model, got another adapter"],
    [{ base_model_name_or_path: "./gone" }, "MODEL", "no such path"],
  ])("that are none, or on no base, are refused: %j", async (change, code, message) => {
    const path = join(folder.path, "changed");
    await cp(adapterPath, path, { recursive: true });
    try {
      const config = JSON.parse(await readFile(join(path, "adapter_config.json"), "utf8"));
      await writeFile(
        join(path, "adapter_config.json"),
        JSON.stringify({ ...config, base_model_name_or_path: teacherPath, ...change }),
      );
      await expect(loadModelFolder(path)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    } finally {
      await rm(path, { recursive: true });
    }
  });

  it("change nothing at their start", async () => {
    expect(await scoresOf(adapt())).toEqual(await scoresOf(teacher));
  });

  it("compute beside the weights what they compute merged into them", async () => {
    const student = learned();
    const merged = new Map(teacher.weights);
    for (const { name, shape, data } of modelTensors(student, read(student))) {
      merged.set(name, { dtype: "float32", dims: shape, data: await (data as () => Promise<Float32Array>)() });
    }
    const [beside, within] = [await scoresOf(student), await scoresOf({ ...teacher, weights: merged })];
    expect(within).toBeAllClose(beside, { relative: 0, absolute: 1e-5 });
    const base = await scoresOf(teacher);
    expect(Math.max(...beside.map((score, i) => Math.abs(score - base[i]!)))).toBeGreaterThan(0.1);
  });

  it("are written as PEFT writes them: names, shapes and values", async () => {
    await using theirs = await openSafetensors(join(adapterPath, adapterWeightsFileName));
    const student = adapt();
    const { adapters } = student;
    const path = join(folder.path, "adapter");
    const values = (name: string) => theirs.readFloat32(`base_model.model.${name}`);
    const config = { ...adapters!.config, baseModel: teacherPath };
    await writeAdapterFolder(path, config, adapterTensors(adapters!, values), teacherPath);
    await using ours = await openSafetensors(join(path, adapterWeightsFileName));
    expect(ours.names()).toEqual(theirs.names());
    for (const name of ours.names()) {
      expect(ours.info(name).shape).toEqual(theirs.info(name).shape);
      expect(await ours.readFloat32(name)).toEqual(await theirs.readFloat32(name));
    }
    const config1 = JSON.parse(await readFile(join(adapterPath, "adapter_config.json"), "utf8"));
    const config2 = JSON.parse(await readFile(join(path, "adapter_config.json"), "utf8"));
    for (const key of Object.keys(config2)) {
      const plain = (value: unknown) => (Array.isArray(value) ? [...value].sort() : value);
      if (key !== "base_model_name_or_path") expect(plain(config2[key]), key).toEqual(plain(config1[key]));
    }
    expect(await scoresOf(await loadModelFolder(path))).toEqual(await scoresOf(await loadModelFolder(adapterPath)));
  });

  it("are found beside their base where both were moved", async () => {
    const moved = join(folder.path, "moved");
    await mkdir(moved);
    const student = learned();
    const config = { ...student.adapters!.config, baseModel: "/nowhere/base" };
    await writeAdapterFolder(
      join(moved, "adapter"),
      config,
      adapterTensors(student.adapters!, read(student)),
      teacherPath,
    );
    const tensors = [...teacher.weights].map(([name, { dims, data }]) => {
      return { name, shape: dims, data: data as Float32Array };
    });
    await writeModelFolder(join(moved, "base"), { config: teacher.config, tensors, dtype: "float32" });
    expect(await scoresOf(await loadModelFolder(join(moved, "adapter")))).toBeAllClose(await scoresOf(student), {
      relative: 0,
      absolute: 1e-5,
    });
  });
});
