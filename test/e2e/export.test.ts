/** @file Students go out through the command line: files, reports, refusals, and several of them weighed against each other. */

import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExportReport } from "../../src/report/export-report.js";
import type { Report } from "../../src/report/report.js";
import type { TradeOff } from "../../src/report/trade-off.js";
import { configText, golden, limbeck, makeWorkFolder, repository, startLimbeck } from "../support/limbeck.js";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
const at = (...parts: string[]) => join(folder.path, ...parts);
const run = (...words: string[]) => limbeck(words, { cwd: folder.path });
const json = async <T>(...parts: string[]) => JSON.parse(await readFile(at(...parts), "utf8")) as T;
const teacher = join(repository, "assets/quickstart/teacher");

beforeAll(async () => {
  folder = await makeWorkFolder();
  const text = await readFile(join(repository, "CONTRIBUTING.md"), "utf8");
  const rows = text
    .split("\n\n")
    .filter((paragraph) => paragraph.length > 100)
    .slice(0, 6);
  await writeFile(at("rows.jsonl"), rows.map((paragraph) => `${JSON.stringify({ text: paragraph })}\n`).join(""));
  const data = { heldOut: `${golden}training/rows.jsonl`, heldOutFraction: undefined };
  await writeFile(at("run.yaml"), configText({ data, training: { epochs: undefined, steps: 1 }, output: "run" }));
  const ended = await run("run", "run.yaml");
  expect(ended.code, ended.stderr).toBe(0);
});
afterAll(() => folder.remove());

describe("limbeck export", () => {
  it("writes the files that it was asked for, and says what each byte costs", async () => {
    const words = ["--precision", "float32,float16,int8", "--precision", "int4", "--data", "rows.jsonl", "--json"];
    const { code, stdout, stderr } = await run("export", teacher, "--to", "out/teacher", ...words);
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as ExportReport;
    expect(await json("out", "teacher", "export.json")).toEqual(report);
    const [float32, float16, int8, int4] = report.files;
    expect(report.files.map(({ file }) => file)).toEqual([
      "onnx/model.onnx",
      "onnx/model_fp16.onnx",
      "onnx/model_quantized.onnx",
      "onnx/model_q4.onnx",
    ]);
    expect(float32!.klFromStudent.mean.value).toBeLessThan(1e-7);
    expect(float32!.perplexity!.value).toBeCloseTo(report.student.perplexity!.value, 3);
    // The shipped teacher's weights are float16 already.
    expect(float16!.klFromStudent.mean.value).toBeLessThan(1e-7);
    expect(int8!.klFromStudent.mean.value).toBeLessThan(2e-3);
    expect(int4!.klFromStudent.mean.value).toBeLessThan(5e-2);
    expect(float16!.bytes).toBeLessThan(0.52 * float32!.bytes);
    expect(int8!.bytes).toBeLessThan(0.27 * float32!.bytes);
    expect(int4!.bytes).toBeLessThan(0.18 * float32!.bytes);
    for (const { promptTokensPerSecond, decodeTokensPerSecond, peakMemoryBytes } of [report.student, ...report.files]) {
      expect(Math.min(promptTokensPerSecond, decodeTokensPerSecond)).toBeGreaterThan(10);
      expect(peakMemoryBytes).toBeGreaterThan(5e7);
    }
    expect((await readdir(at("out", "teacher"))).sort()).toEqual([
      "README.md",
      "config.json",
      "export.json",
      "generation_config.json",
      "onnx",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    const card = await readFile(at("out", "teacher", "README.md"), "utf8");
    expect(card).toMatch(/^---\nlicense: unknown\nlibrary_name: transformers.js\npipeline_tag: text-generation\n/);
    expect(card).toContain("states no licence in its files: check it");
  });

  it("tells the run, and refuses to write over what is there", async () => {
    const { code, stdout, stderr } = await run("export", "run", "--to", "out/run");
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^ +size +KL +top-1 +perplexity/);
    expect(stdout).toMatch(/^float32 .* < 1e−7 +100\.0 %/m);
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    const report = await json<Report>("run", "report.json");
    expect(report.exports).toEqual([await json("out", "run", "export.json")]);
    expect(await readFile(at("run", "report.html"), "utf8")).toContain("<h2>Exports</h2>");
    expect(
      (await json<{ "transformers.js_config": unknown }>("out", "run", "config.json"))["transformers.js_config"],
    ).toEqual({
      dtype: "fp32",
    });
    const card = await readFile(at("out", "run", "README.md"), "utf8");
    expect(card).toContain("it reads and writes token ids");
    expect(card).not.toContain(folder.path);
    const again = await run("export", "run/student", "--to", "out/run", "--precision", "int8");
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(/error\[FILE\]: "out\/run": expected a folder that is new or empty/);
    expect(again.stderr).toMatch(/hint: Choose another folder/);
  });

  it("stays in the report of a run that is resumed after its end", async () => {
    const before = (await json<Report>("run", "report.json")).exports;
    const { code, stderr } = await run("run", "run.yaml", "--resume");
    expect(code, stderr).toBe(0);
    expect((await json<Report>("run", "report.json")).exports).toEqual(before);
    expect(before).toHaveLength(1);
  });

  it("writes a Hugging Face folder in another precision", async () => {
    const words = ["--format", "huggingface", "--precision", "bfloat16", "--json"];
    const { code, stdout, stderr } = await run("export", "run", "--to", "out/hf", ...words);
    expect(code, stderr).toBe(0);
    const { files, student } = JSON.parse(stdout) as ExportReport;
    expect(files[0]!.bytes).toBeLessThan(0.6 * student.bytes);
    expect(files[0]!.klFromStudent.mean.value).toBeLessThan(1e-3);
    expect((await run("inspect", "out/hf")).stdout).toContain("BF16");
    expect((await json<Report>("run", "report.json")).exports).toHaveLength(2);
  });

  it.each([
    [
      ["export", "run", "--to", "out/x", "--precision", "int3"],
      1,
      /must be one of float32, float16, int8, int4, got int3/,
    ],
    [["export", "run", "--to", "out/x", "--format", "huggingface", "--precision", "int8"], 1, /Use --format onnx/],
    [["export", `${golden}models/llama`, "--to", "out/x"], 1, /is no run, so that rows must be named/],
    [["export", "run"], 2, /--to/],
    [["export", "run", "--to", "out/x", "--format", "gguf"], 2, /onnx, huggingface/],
  ] as const)("refuses what it cannot do: %j", async (words, code, message) => {
    const ended = await run(...words);
    expect(ended.stderr).toMatch(message);
    expect(ended.code).toBe(code);
    expect(existsSync(at("out", "x"))).toBe(false);
  });

  it("leaves nothing when it is interrupted", async () => {
    const words = ["export", teacher, "--to", "cut/short", "--data", "rows.jsonl"];
    const started = startLimbeck(words, { cwd: folder.path });
    while (!existsSync(at("cut"))) await new Promise((resolve) => setTimeout(resolve, 5));
    started.process.kill("SIGINT");
    const { code } = await started.ended;
    expect(code).toBe(130);
    expect(await readdir(at("cut"))).toEqual([]);
  });
});

describe("limbeck evaluate over several students", () => {
  it("weighs quality against size, memory and latency, and marks the front", async () => {
    const students = ["onnx/model.onnx", "onnx/model_q4.onnx"].map((file) => join("out/teacher", file));
    const words = ["evaluate", teacher, ...students, "--data", "rows.jsonl", "--teacher", teacher];
    const { code, stdout, stderr } = await run(...words, "--json", "--html", "page.html");
    expect(code, stderr).toBe(0);
    const report = JSON.parse(stdout) as TradeOff;
    expect(report.students.map(({ name }) => name)).toEqual([
      "teacher",
      "teacher/onnx/model.onnx",
      "teacher/onnx/model_q4.onnx",
    ]);
    const [own, , int4] = report.students;
    expect(own!.klFromTeacher!.mean.value).toBeLessThan(1e-9);
    expect(int4!.klFromTeacher!.mean.value).toBeGreaterThan(1e-4);
    expect(int4!.onFront.size).toBe(true);
    expect(own!.onFront.size).toBe(true);
    const page = await readFile(at("page.html"), "utf8");
    expect(page.match(/<svg /g)).toHaveLength(4);
  });

  it("compares by perplexity where there is no teacher, in a table and a plot of 80 columns", async () => {
    const exported = join("out/teacher", "onnx/model_quantized.onnx");
    const { code, stdout, stderr } = await run("evaluate", teacher, exported, "--data", "rows.jsonl");
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^A teacher +\d/m);
    expect(stdout).toMatch(/perplexity against size/);
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });
});
