/** @file The `context` recipe where the teacher writes the responses, by the built program: from inputs alone to a student and its report. */

import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Report } from "../../src/report/report.js";
import { writeChatModel } from "../support/chat-model.js";
import { configText, limbeck, makeWorkFolder, startLimbeck } from "../support/limbeck.js";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
const at = (...parts: string[]) => join(folder.path, ...parts);

const system = "You are an old sailor who never says a word too much, and who keeps his lamp burning in every storm.";
const rows = Array.from({ length: 80 }, (_, i) => ({ input: `${i % 7 === 0 ? "What is " : ""}number ${i}?` }));

const recipe = (changes: object = {}) => ({
  recipe: "context",
  teacher: {
    model: undefined,
    from: "student",
    messages: [
      { role: "system", content: system },
      { role: "user", content: "{{ input }}" },
    ],
  },
  student: { model: "chat", messages: [{ role: "user", content: "{{ input }}" }] },
  responses: { from: "teacher", maxTokens: 16 },
  data: { train: "rows.jsonl", heldOutFraction: 0.1, sequenceLength: 128 },
  objective: { soft: { weight: 1, temperature: 1 }, hard: undefined },
  training: { epochs: undefined, steps: 4, tokensPerStep: 512, learningRate: 1e-3, checkpointEvery: 1 },
  ...changes,
});

async function run(name: string, changes: object = {}, words: readonly string[] = []) {
  await writeFile(at(`${name}.yaml`), configText({ ...recipe(changes), output: name }));
  return limbeck(["run", `${name}.yaml`, ...words], { cwd: folder.path });
}
const text = (...parts: string[]) => readFile(at(...parts), "utf8");
const bytes = (...parts: string[]) => readFile(at(...parts));

interface Line {
  readonly input: string;
  readonly response: string;
  readonly written: { readonly row: number; readonly finishReason: string; readonly tokenIds: readonly number[] };
}
const linesOf = async (name: string) =>
  (await text(name, "responses", "train.jsonl"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);

beforeAll(async () => {
  folder = await makeWorkFolder();
  await writeChatModel(at("chat"));
  await writeFile(at("rows.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const { code, stderr } = await run("whole");
  expect(code, stderr).toBe(0);
}, 120_000);
afterAll(() => folder.remove());

describe("limbeck run of context, with responses from the teacher", () => {
  it("keeps every response as a line with its row, and says in the report what was written", async () => {
    const lines = await linesOf("whole");
    expect(new Set(lines.map(({ written }) => written.row))).toEqual(new Set(rows.keys()));
    for (const { input, written } of lines) expect(input).toBe(rows[written.row]!.input);
    const report = JSON.parse(await text("whole", "report.json")) as Report;
    const cut = lines.filter(({ written }) => written.finishReason === "length").length;
    const tokens = lines.reduce((sum, { written }) => sum + written.tokenIds.length, 0);
    expect(report.context!.writing).toEqual({ responses: 80, tokens, cut, empty: 0 });
    expect(cut).toBeGreaterThan(0);
    expect(report.warnings.map(({ code }) => code)).toContain("cut-responses");
  });

  it("compares four models, and says what share of the gap was closed, what a call saves, and what all answer", async () => {
    const { models, context, history } = JSON.parse(await text("whole", "report.json")) as Report;
    expect(models.map(({ role }) => role)).toEqual([
      "teacher",
      "teacher-without-context",
      "student-before",
      "student-after",
    ]);
    const [, bare, before, after] = models.map(({ klFromTeacher }) => klFromTeacher?.mean.value);
    expect(bare).toBe(before); // the teacher is the student's start
    expect([context!.gapClosed!.value]).toBeAllClose([1 - after! / before!], { relative: 1e-5 });
    expect(context!.gapClosed!.value).toBeGreaterThan(0.02);
    expect(history.student.evaluations[0]!.klTeacherStudent).toBeCloseTo(before!, 4);
    const { teacher, student } = context!.promptTokens;
    expect(teacher - student).toBeGreaterThan(30);
    expect(context!.answers.map(({ input }) => input)).toContainEqual(expect.stringMatching(/umber \d+\?$/));
    const firstLines = await linesOf("whole");
    for (const { teacher: said, origin } of context!.answers) {
      // The teacher's answer begins as the response that it wrote.
      const { response } = firstLines.find(({ written }) => written.row === origin.line - 1)!;
      expect(said.startsWith(response.replace(/�+$/, ""))).toBe(true);
    }
    const page = await text("whole", "report.html");
    for (const words of ["Without the context", "Bare teacher", "student after"]) expect(page).toContain(words);
  });

  it("goes on with a writing that was interrupted, to the same bytes in responses and student", async () => {
    const whole = await bytes("whole", "responses", "train.jsonl");
    await mkdir(at("broken", "responses"), { recursive: true });
    // What an interrupted run leaves: its config, and a file whose last line was cut short.
    const config = (await text("whole", "config.yaml")).replace("output: whole", "output: broken");
    await writeFile(at("broken", "config.yaml"), config);
    await writeFile(at("broken", "responses", "train.jsonl"), whole.subarray(0, Math.floor(whole.length / 2)));
    await writeFile(at("broken.yaml"), config);
    const { code, stderr } = await limbeck(["run", "broken.yaml", "--resume"], { cwd: folder.path });
    expect(code, stderr).toBe(0);
    expect(await bytes("broken", "responses", "train.jsonl")).toEqual(whole);
    expect(await bytes("broken", "student", "model.safetensors")).toEqual(
      await bytes("whole", "student", "model.safetensors"),
    );
  });

  it("says so when the rows are others than those that were answered", async () => {
    await cp(at("whole", "responses"), at("other", "responses"), { recursive: true });
    await cp(at("whole", "config.yaml"), at("other", "config.yaml"));
    await writeFile(at("rows2.jsonl"), (await text("rows.jsonl")).replace("number 1?", "number one?"));
    const config = (await text("whole", "config.yaml")).replace("rows.jsonl", "rows2.jsonl");
    await writeFile(at("other", "config.yaml"), config);
    await writeFile(at("other.yaml"), config.replace("output: whole", "output: other"));
    const { code, stderr } = await limbeck(["run", "other.yaml", "--resume"], { cwd: folder.path });
    expect(code).toBe(1);
    expect(stderr).toMatch(/expected a response to one of this run's rows, got another line/);
    expect((await linesOf("other")).length).toBe(80);
  });

  it("lets the teacher follow the student, and resumes to the same student", async () => {
    const teacher = { ...recipe().teacher, movingAverage: 0.5 };
    expect((await run("moving", { teacher })).code).toBe(0);
    await writeFile(at("moved.yaml"), configText({ ...recipe({ teacher }), output: "moved" }));
    const started = startLimbeck(["run", "moved.yaml", "--json"], { cwd: folder.path });
    await started.printed('"type":"checkpoint"', 2);
    started.process.kill("SIGINT");
    const { code } = await started.ended;
    if (code !== 0) {
      expect(code).toBe(130);
      expect((await limbeck(["run", "moved.yaml", "--resume"], { cwd: folder.path })).code).toBe(0);
    }
    const student = await bytes("moving", "student", "model.safetensors");
    expect(await bytes("moved", "student", "model.safetensors")).toEqual(student);
    expect(student.equals(await bytes("whole", "student", "model.safetensors"))).toBe(false);
  });

  it("answers what either side gives a response, and measures both on the run's own held-out responses", async () => {
    await writeFile(at("row.json"), JSON.stringify({ input: "number 3?", response: "it is" }));
    const score = async (...words: string[]) => {
      const { code, stdout, stderr } = await limbeck(["score", "whole", "--row", "row.json", "--json", ...words], {
        cwd: folder.path,
      });
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout) as { tokens: { id: number; logProb: number }[] };
    };
    const [student, teacher] = [await score(), await score("--side", "teacher")];
    expect(teacher.tokens.map(({ id }) => id)).toEqual(student.tokens.map(({ id }) => id));
    const conversation = [
      { role: "system", content: system },
      { role: "user", content: "number 3?" },
    ];
    await writeFile(at("chat.json"), JSON.stringify(conversation));
    const direct = await limbeck(["score", "chat", "--messages", "chat.json", "--response", "it is", "--json"], {
      cwd: folder.path,
    });
    const expected = JSON.parse(direct.stdout) as typeof teacher;
    expect(teacher.tokens.map(({ logProb }) => logProb)).toBeAllClose(
      expected.tokens.map(({ logProb }) => logProb),
      { relative: 1e-6 },
    );
    const { code, stdout, stderr } = await limbeck(["evaluate", "whole", "--json"], { cwd: folder.path });
    expect(code, stderr).toBe(0);
    const report = JSON.parse(await text("whole", "report.json")) as Report;
    const after = report.models.find(({ role }) => role === "student-after")!;
    const { student: measured } = JSON.parse(stdout) as { student: typeof after };
    expect([measured.klFromTeacher!.mean.value]).toBeAllClose([after.klFromTeacher!.mean.value], { relative: 1e-5 });
  });

  it("is checked before it runs, with responses like the few that its teacher writes for that", async () => {
    await writeFile(at("checked.yaml"), configText({ ...recipe(), output: "checked" }));
    const { code, stdout, stderr } = await limbeck(["check", "checked.yaml", "--json"], { cwd: folder.path });
    expect(code, stderr).toBe(0);
    const { train, memory, time } = JSON.parse(stdout) as Record<string, Record<string, number>>;
    expect(train!.responseTokens).toBeGreaterThan(0);
    expect(memory!.peakBytes).toBeGreaterThan(0);
    const { seconds, ...parts } = time!;
    expect(parts.writing).toBeGreaterThan(0);
    expect(Object.values(parts).reduce((sum, part) => sum + part)).toBeCloseTo(seconds!, 6);
  });
});

describe("limbeck run of context refuses", () => {
  it("a teacher that writes nothing but ends, and keeps what it wrote", async () => {
    await cp(at("chat"), at("mute"), { recursive: true });
    const every = Array.from({ length: 321 }, (_, id) => id);
    await writeFile(at("mute", "generation_config.json"), JSON.stringify({ eos_token_id: every }));
    const { code, stderr } = await run("silent", { student: { ...recipe().student, model: "mute" } });
    expect(code).toBe(1);
    expect(stderr).toMatch(/expected at least one row with a response token, got none: of 80 rows 80 have none/);
    expect(await linesOf("silent")).toHaveLength(80);
  });

  it("sides that end a response with different tokens, or have different chat templates", async () => {
    const edited = async (name: string, change: (config: Record<string, unknown>) => object) => {
      await cp(at("chat"), at(name), { recursive: true });
      const file = at(name, "tokenizer_config.json");
      const config = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
      await writeFile(file, JSON.stringify({ ...config, ...change(config) }));
    };
    await edited("ends", () => ({ eos_token: "<|im_start|>" }));
    await rm(at("templates"), { recursive: true, force: true });
    await cp(at("chat"), at("templates"), { recursive: true });
    await edited("templates", ({ chat_template }) => ({ chat_template: `${chat_template as string} ` }));
    for (const [model, message] of [
      ["ends", /must end a response with the same token, got "<\|im_start\|>"/],
      ["templates", /must have one chat template/],
    ] as const) {
      const teacher = { ...recipe().teacher, from: undefined, model };
      const { code, stderr } = await run(`bad-${model}`, { teacher });
      expect(code).toBe(1);
      expect(stderr).toMatch(message);
    }
  });

  it("a moving average of another model than the student's start, and several samples of the likeliest token", async () => {
    const wrong = [
      [{ teacher: { ...recipe().teacher, from: undefined, model: "other", movingAverage: 0.9 } }, /movingAverage/],
      [{ responses: { from: "teacher", samples: 2 } }, /responses\.samples.*because all samples would be the same/],
    ] as const;
    for (const [i, [changes, message]] of wrong.entries()) {
      const { code, stderr } = await run(`wrong-${i}`, changes);
      expect(code).toBe(2);
      expect(stderr).toMatch(message);
    }
  });
});
