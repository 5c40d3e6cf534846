/** @file A whole run of `weak-to-strong` with classes by the built program: weak teacher, students, ceiling, and the gap that its report states. */

import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type { ClassificationReport } from "../../src/report/classification.js";
import type { Report } from "../../src/report/report.js";
import { reportText } from "../../src/report/terminal.js";
import type { StepLine } from "../../src/training/metrics.js";
import { golden, limbeck, makeWorkFolder } from "../support/limbeck.js";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
const at = (...parts: string[]) => join(folder.path, ...parts);
const run = (...words: readonly string[]) => limbeck(words, { cwd: folder.path });

const words = {
  ham: ["patch", "list", "meeting", "notes", "build", "thread", "review", "kernel"],
  spam: ["free", "money", "offer", "win", "click", "prize", "cheap", "deal"],
} as const;

/** Texts of which most words, but not all, are of their class; every third knows that its label is true. */
function rows(from: number, count: number): string {
  const lines = Array.from({ length: count }, (_, k) => {
    const i = from + k;
    const label = i % 2 === 0 ? "ham" : "spam";
    const other = label === "ham" ? "spam" : "ham";
    const word = (j: number) => words[(i * 3 + j * 5) % 7 < 2 ? other : label][(i * 7 + j * (1 + (i % 3)) + j * j) % 8];
    const text = [0, 1, 2, 3, 4].map(word).join(" ");
    return JSON.stringify({ text: `${text} ${i}`, label, isTrue: i % 3 === 0, thread: Math.floor(i / 2) });
  });
  return `${lines.join("\n")}\n`;
}

const bag = (buckets: number, hiddenSize: number) => {
  return { shape: { modelType: "bag-of-n-grams", buckets, hiddenSize, wordNGrams: 1 } };
};

const training = {
  steps: 24,
  tokensPerStep: 256,
  microBatchTokens: 256,
  learningRate: 5e-2,
  evaluateEvery: null,
  keepBest: false,
};

const base = {
  recipe: "weak-to-strong",
  classes: ["ham", "spam"],
  weak: { ...bag(32, 2), train: "weak.jsonl" },
  student: bag(1024, 16),
  weakLabels: { weight: 1, curve: [0, 0.5, 1] },
  groundTruth: { rows: { field: "isTrue" } },
  data: { train: "train.jsonl", heldOut: "held-out.jsonl", sequenceLength: 16, groupField: "thread" },
  training,
  threads: 1,
  output: "run",
};

async function runWith(name: string, changes: object) {
  await writeFile(at(`${name}.yaml`), stringify({ ...base, ...changes, output: name }));
  return run("run", `${name}.yaml`);
}

/** Runs the recipe `classification` on the labels of a file alone. */
async function classify(name: string, student: object, train: string): Promise<ClassificationReport> {
  const { classes, data } = base;
  const config = { recipe: "classification", classes, student, data: { ...data, train }, objective: { hard: {} } };
  await writeFile(at(`${name}.yaml`), stringify({ ...config, training, threads: 1, output: name }));
  const { code, stderr } = await run("run", `${name}.yaml`);
  expect(code, stderr).toBe(0);
  return (await reportOf(name)).classification!;
}

const reportOf = async (name: string) => JSON.parse(await readFile(at(name, "report.json"), "utf8")) as Report;
const accuracyOf = ({ models }: ClassificationReport) =>
  models.find(({ role }) => role === "student-after")!.quality!.accuracy;
const weightsOf = (...parts: string[]) => readFile(at(...parts, "student/model.safetensors"), "base64");
const stepsOf = async (...parts: string[]) =>
  (await readFile(at(...parts, "metrics.jsonl"), "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as StepLine)
    .filter((line) => "loss" in line);

beforeAll(async () => {
  folder = await makeWorkFolder();
  await writeFile(at("weak.jsonl"), rows(0, 12));
  await writeFile(at("train.jsonl"), rows(100, 90));
  await writeFile(at("held-out.jsonl"), rows(300, 60));
  const { code, stderr } = await runWith("run", {});
  expect(code, stderr).toBe(0);
});
afterAll(() => folder.remove());

describe("limbeck run of weak-to-strong with classes", () => {
  it("trains weak teacher, students and ceiling, each in its folder, and says how each does", async () => {
    for (const name of ["weak", "ceiling", "weight-0", "weight-0.5", "."]) {
      expect(await readdir(at("run", name)), name).toContain("student");
    }
    const report = await reportOf("run");
    const { weakToStrong } = report.classification!;
    expect(weakToStrong!.students.map(({ weakWeight }) => weakWeight)).toEqual([1, 0, 0.5]);
    expect(weakToStrong).toMatchObject({ trainingRows: 90, groundTruthRows: 30, weakTrainingRows: 12, texts: 60 });
    expect(await readFile(at("run/report.html"), "utf8")).toContain("Weak to strong");
    const lines = reportText(report).split("\n");
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    for (const name of ["weak teacher", "student, λ = 0.5", "the student, λ = 1", "ceiling"]) {
      expect(lines.filter((line) => line.startsWith(name))).toHaveLength(1);
    }
  });

  it("states a gap that follows by hand from three reports, two of them of runs on the labels alone", async () => {
    const { weakToStrong, ...own } = (await reportOf("run")).classification!;
    const weak = accuracyOf(await classify("weak-alone", base.weak.shape && bag(32, 2), "weak.jsonl"));
    const ceiling = accuracyOf(await classify("ceiling-alone", base.student, "train.jsonl"));
    const student = accuracyOf({ ...own });
    expect(weakToStrong!.weak.accuracy).toEqual(weak);
    expect(weakToStrong!.ceiling.accuracy).toEqual(ceiling);
    expect(weakToStrong!.students[0]!.accuracy).toEqual(student);
    expect(ceiling.value).toBeGreaterThan(weak.value);
    expect(weakToStrong!.gap.value).toBeCloseTo(ceiling.value - weak.value, 12);
    const recovered = Math.max(0, (student.value - weak.value) / (ceiling.value - weak.value));
    expect(weakToStrong!.students[0]!.recovered!.value).toBeCloseTo(recovered, 12);
    expect((await weightsOf("run", "weak")) === (await weightsOf("weak-alone"))).toBe(true);
    expect((await weightsOf("run", "ceiling")) === (await weightsOf("ceiling-alone"))).toBe(true);
  });

  it("adds up: agreement where the weak teacher is right and where it is wrong", async () => {
    const { texts, weakMistakes, weak, students } = (await reportOf("run")).classification!.weakToStrong!;
    expect(weakMistakes).toBe(Math.round(texts * (1 - weak.accuracy.value)));
    expect(weakMistakes).toBeGreaterThan(0);
    for (const { agreement } of students) {
      const together =
        agreement.weakIsRight!.value * (texts - weakMistakes) + agreement.weakIsWrong!.value * weakMistakes;
      expect(together / texts).toBeCloseTo(agreement.all.value, 12);
    }
  });

  it("learns from ground truth alone at λ = 0: plain fine-tuning, bit for bit", async () => {
    const { code, stderr } = await runWith("zero", { weakLabels: { weight: 0 }, groundTruth: { rows: "all" } });
    expect(code, stderr).toBe(0);
    expect((await weightsOf("zero")) === (await weightsOf("zero", "ceiling"))).toBe(true);
    expect((await weightsOf("zero")) === (await weightsOf("run", "ceiling"))).toBe(true);
    expect((await stepsOf("zero")).every(({ terms }) => Object.keys(terms).join() === "hard")).toBe(true);
  });

  it("has a KL of 0 at the first step where weak and strong are one model", async () => {
    const model = { model: "run/ceiling/student" };
    const { code, stderr } = await runWith("same", { weak: model, student: model, groundTruth: {}, weakLabels: {} });
    expect(code, stderr).toBe(0);
    const [first] = await stepsOf("same");
    expect(Math.abs(first!.terms.soft!)).toBeLessThan(1e-6);
    const { weakToStrong } = (await reportOf("same")).classification!;
    expect(weakToStrong!.weakTrainingRows).toBeNull();
  });

  it("takes hard labels and a confidence term that warms up, and a share of the rows for the weak teacher", async () => {
    const { code, stderr } = await runWith("sure", {
      weak: { ...bag(32, 2), train: 0.2 },
      weakLabels: { kind: "both", weight: 2 },
      groundTruth: {},
      confidence: { weight: 0.5, warmupFraction: 0.5 },
    });
    expect(code, stderr).toBe(0);
    const steps = await stepsOf("sure");
    const share = (step: number) => Math.min(1, step / 12) * 0.5;
    expect(steps.flatMap(({ weights }) => [weights!.weakHard!, weights!.confidence!])).toBeAllClose(
      steps.flatMap(({ step }) => [1 - share(step), 2 * share(step)]),
      { relative: 1e-6 },
    );
    const { trainingRows, weakTrainingRows, groundTruthRows } = (await reportOf("sure")).classification!.weakToStrong!;
    expect(trainingRows + weakTrainingRows!).toBe(90);
    expect(groundTruthRows).toBe(0);
  });

  it("is known to limbeck check", async () => {
    const { code, stdout, stderr } = await run("check", "run.yaml", "--set", "output=other", "--json");
    expect(code, stderr).toBe(0);
    const { facts: _, ...found } = JSON.parse(stdout) as Record<string, unknown>;
    expect(JSON.stringify(found)).toContain('"students":3');
  });
});

describe("limbeck run of weak-to-strong with classes refuses", () => {
  it.each([
    ["an untrained weak teacher", { weak: bag(32, 2) }, "random weights has nothing to teach"],
    [
      "a weak language model that is not trained",
      { weak: { model: `${golden}training/student-llama` } },
      "must be a classifier, got a language model",
    ],
    ["a field that no row has", { groundTruth: { rows: { field: "isTru" } } }, 'expected "isTru" to be true'],
    ["a group that no row has", { data: { ...base.data, groupField: "thred" } }, 'expected "thred" in some row'],
    ["keys of language models", { data: { ...base.data, template: "auto" } }, "data.template"],
    ["a label of another class", { classes: ["ham", "junk"] }, "expected one of the classes ham, junk"],
  ])("%s, and writes nothing", async (_, changes, message) => {
    const { code, stderr } = await runWith("refused", changes);
    expect(code).toBeGreaterThan(0);
    expect(stderr.replace(/\s+/g, " ")).toContain(message);
    expect(existsSync(at("refused"))).toBe(false);
  });
});
