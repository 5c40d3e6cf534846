/** @file Texts into classes from the command line: a bag of n-grams from labels, a student of it, resumed, asked; and bad input. */

import { existsSync } from "node:fs";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type * as Limbeck from "../../src/index.js";
import { limbeck, makeWorkFolder, repository } from "../support/limbeck.js";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
const run = (...words: readonly string[]) => limbeck(words, { cwd: folder.path });
const json = async (path: string) => JSON.parse(await readFile(join(folder.path, path), "utf8"));

const words = { ham: ["patch", "list", "meeting", "notes"], spam: ["free", "money", "offer", "win"] } as const;

/** Texts of three words of their class, in a fixed order. */
function rows(count: number, isLabelled: (i: number) => boolean): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const label = i % 2 === 0 ? "ham" : "spam";
    const text = [0, 1, 2].map((k) => words[label][(i * 7 + k * (i % 3)) % 4]).join(" ");
    return JSON.stringify({ text: `${text} ${i}`, ...(isLabelled(i) && { label }) });
  });
  return lines.join("\n");
}

const bag = {
  recipe: "classification",
  student: { shape: { modelType: "bag-of-n-grams", buckets: 256, hiddenSize: 8 } },
  data: { train: "train.jsonl", heldOut: "held-out.jsonl", sequenceLength: 64 },
  objective: { hard: {} },
  training: { steps: 30, tokensPerStep: 256, microBatchTokens: 256, learningRate: 5e-2, evaluateEvery: 10 },
  threads: 1,
  output: "bag",
};

async function write(name: string, config: object): Promise<void> {
  await writeFile(join(folder.path, name), stringify(config));
}

beforeAll(async () => {
  folder = await makeWorkFolder();
  await writeFile(
    join(folder.path, "train.jsonl"),
    rows(80, (i) => i % 5 !== 0),
  );
  await writeFile(
    join(folder.path, "held-out.jsonl"),
    rows(24, () => true),
  );
  await write("bag.yaml", bag);
});

afterAll(async () => folder.remove());

describe("recipe classification", () => {
  it("learns from labels, and reports accuracy, calibration and confusion", async () => {
    const { code, stdout, stderr } = await run("run", "bag.yaml");
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("macro F1");
    const { classification, warnings } = await json("bag/report.json");
    expect(classification.classes).toEqual(["ham", "spam"]);
    const student = classification.models.find(({ role }: { role: string }) => role === "student-after");
    expect(student.quality.accuracy.value).toBeGreaterThan(0.9);
    expect(student.quality.confusion.flat().reduce((a: number, b: number) => a + b)).toBe(24);
    expect(classification.data.train).toMatchObject({ rows: 64, labelled: 64, dropped: 16 });
    expect(warnings.map(({ code }: { code: string }) => code)).toContain("dropped-rows");
    expect(await readFile(join(folder.path, "bag/report.html"), "utf8")).toContain("Can its confidence be believed?");
  });

  it("teaches a student of another tokenizer by rows with and without a label, beside a twin", async () => {
    const student = { shape: { ...bag.student.shape, wordNGrams: 1, characterNGrams: [2, 3] } };
    const training = { ...bag.training, twin: true };
    const objective = { soft: { temperature: 2 }, hard: { weight: 0.5 } };
    await write("soft.yaml", {
      ...bag,
      teacher: { model: "bag/student" },
      student,
      objective,
      training,
      output: "soft",
    });
    const { code, stderr } = await run("run", "soft.yaml");
    expect(code, stderr).toBe(0);
    const { classification } = await json("soft/report.json");
    expect(classification.data.train).toMatchObject({ rows: 80, labelled: 64 });
    expect(classification.models.map(({ role }: { role: string }) => role)).toEqual([
      "teacher",
      "student-before",
      "student-after",
      "twin",
    ]);
    const after = classification.models[2];
    expect(after.agreement.value).toBeGreaterThan(0.9);
    expect(after.klFromTeacher.value).toBeLessThan(classification.models[1].klFromTeacher.value / 2);
    const rivals = classification.teacherWorth as readonly { name: string; lead: { value: number } }[];
    expect(rivals.map(({ name }) => name)).toEqual(["majority", "student-before", "student-after", "twin"]);
    expect(rivals[0]!.lead.value).toBeGreaterThan(0.3);
    expect(await readFile(join(folder.path, "soft/report.html"), "utf8")).toContain("Is the teacher any good?");
  });

  it("warns before a run of a teacher that knows no more than the commonest class", async () => {
    // Learned from labels that are all wrong.
    const flipped = (await readFile(join(folder.path, "train.jsonl"), "utf8")).replaceAll(
      /"label":"(ham|spam)"/g,
      (_, label) => `"label":"${label === "ham" ? "spam" : "ham"}"`,
    );
    await writeFile(join(folder.path, "flipped.jsonl"), flipped);
    await write("wrong.yaml", { ...bag, data: { ...bag.data, train: "flipped.jsonl" }, output: "wrong" });
    expect((await run("run", "wrong.yaml")).code).toBe(0);
    const teacher = { model: "wrong/student" };
    await write("misled.yaml", { ...bag, teacher, objective: { soft: {} }, output: "misled" });
    const { code, stdout, stderr } = await run("check", "misled.yaml", "--json");
    expect(code, stderr).toBe(0);
    const { warnings, worth } = JSON.parse(stdout) as {
      warnings: { code: string }[];
      worth: { rivals: { name: string; lead: { value: number } }[] };
    };
    expect(warnings.map(({ code }) => code)).toContain("teacher-not-better-than-majority");
    expect(worth.rivals[0]).toMatchObject({ name: "majority" });
    expect(worth.rivals[0]!.lead.value).toBeLessThan(0);
  });

  it("is asked by limbeck classify", async () => {
    const { code, stdout } = await run("classify", "bag/student", "--text", "free money offer", "--json");
    expect(code).toBe(0);
    const { label, probabilities } = JSON.parse(stdout);
    expect(label).toBe("spam");
    expect(probabilities.ham + probabilities.spam).toBeCloseTo(1, 6);
  });

  it("leans towards a class whose labels weigh more, by class weights and by weights of rows alike", async () => {
    const text = await readFile(join(folder.path, "train.jsonl"), "utf8");
    const weighed = text.split("\n").map((line) => {
      const row = JSON.parse(line);
      return JSON.stringify({ ...row, worth: row.label === "spam" ? 3 : 1 });
    });
    await writeFile(join(folder.path, "weighed.jsonl"), weighed.join("\n"));
    const shared = { training: { ...bag.training, steps: 6 } };
    await write("classes.yaml", {
      ...bag,
      ...shared,
      objective: { hard: { classWeights: { spam: 3 } } },
      output: "classes",
    });
    const data = { ...bag.data, train: "weighed.jsonl", weightField: "worth" };
    await write("worth.yaml", { ...bag, ...shared, data, output: "worth" });
    const losses = async (name: string) => {
      const { code, stderr } = await run("run", `${name}.yaml`);
      expect(code, stderr).toBe(0);
      const lines = (await readFile(join(folder.path, name, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
      return lines.map((line) => JSON.parse(line).loss).filter((loss) => loss !== undefined);
    };
    expect(await losses("classes")).toBeAllClose(await losses("worth"), { relative: 1e-5 });
  });

  it("answers an application, of which calls may overlap", async () => {
    // The built program: its workers are files of dist/.
    const { loadModel } = (await import(join(repository, "dist/index.js"))) as typeof Limbeck;
    await using model = await loadModel(join(folder.path, "bag/student"));
    expect(model.classes).toEqual(["ham", "spam"]);
    expect(model.hasChatTemplate).toBe(false);
    const texts = ["free money offer", "patch list notes", "", Array(200).fill("win").join(" ")];
    const answers = await Promise.all(texts.map((text) => model.classify({ text })));
    expect(answers.slice(0, 2).map(({ label }) => label)).toEqual(["spam", "ham"]);
    for (const { probabilities } of answers) {
      expect(Object.keys(probabilities)).toEqual(["ham", "spam"]);
      expect(probabilities.ham! + probabilities.spam!).toBeCloseTo(1, 6);
    }
    expect(answers.map(({ isCut }) => isCut)).toEqual([false, false, false, true]);
    const asked = await run("classify", "bag/student", "--text", texts[0]!, "--json");
    expect(JSON.parse(asked.stdout).probabilities).toEqual(answers[0]!.probabilities);
    await expect(model.generate({ prompt: "free" }).next()).rejects.toMatchObject({
      code: "MODEL",
      message: expect.stringContaining("must be a language model, got a classifier"),
    });
    await expect(model.score({ text: "free" })).rejects.toMatchObject({ code: "MODEL" });
    await expect(model.classify({ text: "free" }, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
  });

  it("is inspected as a classifier, and refused by what is for language models", async () => {
    const inspected = await run("inspect", "bag/student", "--json");
    expect(JSON.parse(inspected.stdout)).toMatchObject({ classes: ["ham", "spam"], maxPositions: 64 });
    await cp(join(folder.path, "bag/student"), join(folder.path, "alone"), { recursive: true });
    await writeFile(join(folder.path, "ids.jsonl"), `${JSON.stringify({ tokenIds: [3, 4, 5] })}\n`);
    for (const words of [
      ["chat", "alone"],
      ["export", "alone", "--to", "exported", "--data", "ids.jsonl"],
      ["evaluate", "alone", "--data", "ids.jsonl"],
    ]) {
      const { code, stderr } = await run(...words);
      expect(code, words[0]).toBe(1);
      expect(stderr).toContain(`${words[0]}: "alone" must be a language model, got a classifier.`);
      expect(stderr).toContain("limbeck classify");
    }
    const ofRun = await run("export", "bag", "--to", "exported");
    expect(ofRun.stderr).toContain("got one whose models put texts into classes");
    expect(existsSync(join(folder.path, "exported"))).toBe(false);
  });

  it("learns from probabilities in the rows", async () => {
    const soft = Array.from({ length: 16 }, (_, i) => {
      const spam = i % 2 === 0 ? 0.9 : 0.2;
      return JSON.stringify({
        text: i % 2 === 0 ? "free money" : "patch list",
        probabilities: { ham: 1 - spam, spam },
      });
    });
    await writeFile(join(folder.path, "soft.jsonl"), soft.join("\n"));
    await write("rows.yaml", {
      ...bag,
      data: { ...bag.data, train: "soft.jsonl" },
      objective: { soft: {} },
      output: "rows",
    });
    const { code, stderr } = await run("run", "rows.yaml");
    expect(code, stderr).toBe(0);
    const { stdout } = await run("classify", "rows/student", "--text", "free money", "--json");
    expect(JSON.parse(stdout).probabilities.spam).toBeGreaterThan(0.75);
  });
});

describe("bad input to the recipe classification", () => {
  const fails = async (changes: object, ...set: readonly string[]): Promise<string> => {
    await write("bad.yaml", { ...bag, ...changes, output: "bad" });
    const { code, stderr } = await run("run", "bad.yaml", ...set);
    expect(code).not.toBe(0);
    return stderr;
  };

  it("names a class weight of a class that there is not", async () => {
    const message = 'classWeights: expected one of the classes ham, spam, got "junk"';
    expect(await fails({ objective: { hard: { classWeights: { junk: 2 } } } })).toContain(message);
  });

  it("names a class that no training row has", async () => {
    expect(await fails({ classes: ["ham", "spam", "list"] })).toContain("got none with the label list");
  });

  it("names the row whose label is none of the classes", async () => {
    expect(await fails({ classes: ["ham", "junk"] })).toContain(
      'train.jsonl:2: expected one of the classes ham, junk, got "spam"',
    );
  });

  it("names a label word of several tokens", async () => {
    const labelWords = { ham: " the", spam: " unsolicited" };
    const teacher = { model: `${repository}assets/quickstart/teacher`, labelWords, prompt: "{{ text }} is" };
    const message = 'teacher.labelWords.spam: " unsolicited" must be one token, got';
    expect(await fails({ teacher, objective: { soft: {} } })).toContain(message);
  });

  it("asks for a teacher where the objective compares with one", async () => {
    expect(await fails({ objective: { soft: {} } })).toContain("expected a teacher for the objective's soft term");
  });
});
