/** @file Twelve optimizer steps follow PyTorch's, in one or several micro-batches. Golden: test/golden/scripts/make_training.py. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { encodeRows, makeBatch, readRows } from "../../src/data/index.js";
import { objectiveSchema } from "../../src/losses/options.js";
import { makeLocalTeacher } from "../../src/teachers/local-teacher.js";
import { resolveBatchTokens, trainingSchema } from "../../src/training/options.js";
import { learningRateAt } from "../../src/training/schedule.js";
import { planSteps } from "../../src/training/steps.js";
import { Trainer } from "../../src/training/trainer.js";
import { loadModelFolder } from "../../src/weights/load-model.js";

const folder = new URL("../golden/", import.meta.url).pathname;

interface Run {
  readonly name: string;
  readonly student: string;
  readonly teacher: string | null;
  readonly rows: number;
  readonly objective: unknown;
  readonly training: Record<string, unknown>;
  readonly steps: readonly {
    readonly loss: number;
    readonly terms: Readonly<Record<string, number>>;
    readonly gradientNorm: number;
    readonly learningRate: number;
  }[];
  readonly firstGradientNorms?: Readonly<Record<string, number>>;
}

const { runs } = JSON.parse(readFileSync(`${folder}training.json`, "utf8")) as { runs: readonly Run[] };

async function train(run: Run, microBatches: number) {
  const sequenceLength = 32;
  const encoded = await encodeRows(readRows(`${folder}training/rows.jsonl`), { sequenceLength } as never);
  const documents = encoded.documents.slice(0, run.rows);
  const training = resolveBatchTokens(trainingSchema.parse(run.training), { sequenceLength, packing: true });
  const plan = planSteps(documents, {
    epochs: training.epochs,
    sequenceLength,
    packing: true,
    shuffle: false,
    seed: 0,
    tokensPerStep: training.tokensPerStep,
  });
  const options = { positionCount: 64, threads: 1 };
  const teacher = run.teacher
    ? await makeLocalTeacher(await loadModelFolder(`${folder}${run.teacher}`), options)
    : undefined;
  const trainer = await Trainer.create(
    await loadModelFolder(`${folder}${run.student}`),
    teacher,
    objectiveSchema.parse(run.objective),
    { ...options, chunkRows: 24, steps: plan.steps, recompute: microBatches > 1, optimizer: training },
  );
  const results = [];
  for (let step = 1; step <= plan.steps; step++) {
    const planned = plan.at(step);
    const size = Math.ceil(planned.sequences.length / microBatches);
    const batches = [];
    for (let i = 0; i < planned.sequences.length; i += size) {
      batches.push(makeBatch(documents, planned.sequences.slice(i, i + size), planned.plan));
    }
    const learningRate = learningRateAt(step, plan.steps, training);
    results.push({ ...(await trainer.step(batches, step, learningRate)), learningRate });
  }
  await trainer.dispose();
  await teacher?.dispose();
  return results;
}

describe.each(runs)("$name", (run) => {
  it.each([1, 4])("follows PyTorch's loss, terms and gradient norm in %i micro-batches", async (microBatches) => {
    const results = await train(run, microBatches);
    const column = (name: "loss" | "gradientNorm" | "learningRate") => results.map((result) => result[name]);
    const golden = (name: "loss" | "gradientNorm" | "learningRate") => run.steps.map((step) => step[name]);
    const tolerance = { relative: 2e-4, absolute: 1e-7 };
    expect(column("loss")).toBeAllClose(golden("loss"), tolerance);
    expect(column("gradientNorm")).toBeAllClose(golden("gradientNorm"), tolerance);
    expect(column("learningRate")).toBeAllClose(golden("learningRate"), { relative: 1e-12 });
    for (const name of Object.keys(run.steps[0]!.terms)) {
      expect(results.map(({ terms }) => terms[name]!)).toBeAllClose(
        run.steps.map(({ terms }) => terms[name]!),
        tolerance,
      );
    }
  });
});
