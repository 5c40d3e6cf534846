/** @file Soft prompts by the built program: learned from a teacher with a context, resumed, and used wherever a model is. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AutoModelForCausalLM, AutoTokenizer, env, Tensor } from "@huggingface/transformers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { score } from "../../src/evaluate/score.js";
import { logProbOf } from "../../src/export/compare-logits.js";
import type { Report } from "../../src/report/report.js";
import { openSafetensors } from "../../src/weights/index.js";
import { writeChatModel } from "../support/chat-model.js";
import { configText, limbeck, makeWorkFolder, startLimbeck } from "../support/limbeck.js";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
const at = (...parts: string[]) => join(folder.path, ...parts);
const run = (...words: string[]) => limbeck(words, { cwd: folder.path });
const tokens = 6;

const subjects = [
  "tides",
  "lamps",
  "bread",
  "bees",
  "winter",
  "trains",
  "glass",
  "salt",
  "maps",
  "clocks",
  "rivers",
  "tea",
];
const questions = ["What are", "Who makes", "Tell me of", "Where are", "Why are there"];
const rows = questions.flatMap((question, i) =>
  subjects.map((subject, j) => ({
    input: `${question} ${subject}?`,
    response: `${subjects[(i + 5 * j) % subjects.length]} and ${subjects[(3 * i + j) % subjects.length]}, I think`,
  })),
);

const config = (changes: Record<string, unknown> = {}) =>
  configText({
    recipe: "context",
    teacher: {
      model: undefined,
      from: "student",
      messages: [
        { role: "system", content: "You keep the lighthouse, and say so." },
        { role: "user", content: "{{ input }}" },
      ],
    },
    student: { model: "chat", prompt: "{{ input }}", softPrompt: { tokens } },
    data: { train: "rows.jsonl", heldOutFraction: 0.2, sequenceLength: 128, shuffle: true },
    objective: { soft: { weight: 1, temperature: 1 }, hard: undefined },
    training: {
      epochs: undefined,
      steps: 24,
      tokensPerStep: 1024,
      learningRate: 0.02,
      evaluateEvery: 4,
      checkpointEvery: 8,
    },
    ...changes,
  });

beforeAll(async () => {
  folder = await makeWorkFolder();
  await writeChatModel(at("chat"), 3);
  await writeFile(at("rows.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await writeFile(at("config.yaml"), config());
  const { code, stderr } = await run("run", "config.yaml", "--output", "whole");
  expect(code, stderr).toBe(0);
});
afterAll(() => folder.remove());

const reportOf = (output: string) => JSON.parse(readFileSync(at(output, "report.json"), "utf8")) as Report;
const klOf = ({ models }: Report, role: string) =>
  models.find((model) => model.role === role)!.klFromTeacher!.mean.value;

describe("limbeck run with a soft prompt", () => {
  it("brings the held-out KL from the teacher with the context down to half at most", () => {
    const report = reportOf("whole");
    expect(klOf(report, "student-after")).toBeLessThan(klOf(report, "student-before") * 0.5);
    expect(klOf(report, "student-after")).toBeLessThan(klOf(report, "teacher-without-context") * 0.5);
    expect(report.run.student?.trainedParameters).toBe(tokens * 32);
  });

  it("writes the prompt alone, in PEFT's format, and keeps nothing else in its checkpoints", async () => {
    for (const name of ["adapter", "student"]) {
      expect(readdirSync(at("whole", name))).not.toContain("model.safetensors");
      const settings = JSON.parse(readFileSync(at("whole", name, "adapter_config.json"), "utf8"));
      expect(settings).toMatchObject({
        peft_type: "PROMPT_TUNING",
        task_type: "CAUSAL_LM",
        base_model_name_or_path: at("chat"),
        num_virtual_tokens: tokens,
        token_dim: 32,
      });
      await using file = await openSafetensors(at("whole", name, "adapter_model.safetensors"));
      expect(file.names()).toEqual(["prompt_embeddings"]);
      expect(file.info("prompt_embeddings").shape).toEqual([tokens, 32]);
    }
    await using weights = await openSafetensors(at("whole/checkpoints/step-000024/weights.safetensors"));
    expect(weights.names()).toEqual(["prompt_embeddings"]);
  });

  it("goes on after an interruption to the same prompt, bit for bit", async () => {
    const words = ["run", "config.yaml", "--json", "--output", "cut"];
    const started = startLimbeck(words, { cwd: folder.path });
    await started.printed('"type":"step"', 11);
    started.process.kill("SIGINT");
    expect((await started.ended).code).toBe(130);
    expect(existsSync(at("cut/student"))).toBe(false);
    const { code, stderr } = await run(...words, "--resume");
    expect(code, stderr).toBe(0);
    const bytes = (output: string) => readFileSync(at(output, "student/adapter_model.safetensors"), "base64");
    expect(bytes("cut")).toBe(bytes("whole"));
  });

  it("is sized by limbeck check: the vectors are all that is trained", async () => {
    const { code, stdout, stderr } = await run("check", "config.yaml", "--json", "--set", "output=new");
    expect(code, stderr).toBe(0);
    expect(JSON.stringify(JSON.parse(stdout))).toContain(`"trainedParameters":${tokens * 32}`);
  });

  it("learns on from a prompt that is there", async () => {
    const more = {
      student: { model: "whole/student", prompt: "{{ input }}" },
      teacher: { model: "chat", from: undefined, prompt: "{{ input }}", messages: undefined },
    };
    await writeFile(
      at("more.yaml"),
      config({ ...more, training: { epochs: undefined, steps: 1, tokensPerStep: 1024 } }),
    );
    const { code, stderr } = await run("run", "more.yaml", "--output", "more");
    expect(code, stderr).toBe(0);
    const settings = JSON.parse(readFileSync(at("more/student/adapter_config.json"), "utf8"));
    expect(settings).toMatchObject({ base_model_name_or_path: at("chat"), num_virtual_tokens: tokens });
  });

  it.each([
    [{ student: { adapters: { rank: 2 } } }, 2, /student\.adapters .*expected no adapters beside softPrompt/],
    [
      { data: { sequenceLength: tokens + 1 }, training: { tokensPerStep: 7 * 16 } },
      1,
      /data\.sequenceLength: expected at least 2 more than the 6 vectors/,
    ],
    [{ teacher: { model: "whole/student", from: undefined } }, 1, /teacher: expected a model without a soft prompt/],
    [{ teacher: { movingAverage: 0.9 } }, 2, /teacher\.movingAverage .*expected none beside student\.softPrompt/],
    [
      { student: { model: "whole/student" }, teacher: { model: "chat", from: undefined } },
      1,
      /which has one that goes on learning/,
    ],
  ] as const)("refuses what makes no sense: %j", async (changes, code, message) => {
    const base = {
      teacher: { model: undefined, from: "student", prompt: "Be brief. {{ input }}" },
      student: { model: "chat", prompt: "{{ input }}", softPrompt: { tokens } },
      data: { train: "rows.jsonl", sequenceLength: 128 },
      training: { epochs: undefined, steps: 1, tokensPerStep: 1024 },
    };
    const merged = Object.fromEntries(
      Object.entries(base).map(([key, value]) => [key, { ...value, ...(changes as Record<string, object>)[key] }]),
    );
    await writeFile(at("bad.yaml"), config(merged));
    const ended = await run("run", "bad.yaml", "--output", "bad");
    expect(ended.stderr).toMatch(message);
    expect(ended.code).toBe(code);
  });
});

describe("a student with a soft prompt", () => {
  const ids = [5, 40, 41, 42, 43, 44, 7, 90, 12];
  const logProbs = async (path: string) =>
    (await score(at(path), { ids, topK: 1 }, { threads: 1 })).tokens.slice(1).map(({ logProb }) => logProb!);

  it("scores, answers and is inspected like a model", async () => {
    const scored = await run("score", "whole/student", "--ids", ids.join(), "--json");
    expect(scored.code, scored.stderr).toBe(0);
    const own = (JSON.parse(scored.stdout).tokens as { logProb: number }[]).slice(1).map(({ logProb }) => logProb);
    expect(own).toBeAllClose(await logProbs("whole/adapter"), { relative: 0, absolute: 1e-6 });
    const base = await logProbs("chat");
    expect(Math.max(...own.map((each, i) => Math.abs(each - base[i]!)))).toBeGreaterThan(0.01);
    const answered = await limbeck(["chat", "whole/student", "--max-tokens", "8"], {
      cwd: folder.path,
      input: "What are bees?\n",
    });
    expect(answered.code, answered.stderr).toBe(0);
    const inspected = await run("inspect", "whole/student");
    expect(inspected.stdout).toMatch(/soft prompt +6 vectors before every text/);
  });

  it("is evaluated as in its run's report, beside its base and its own export", async () => {
    const { code, stdout, stderr } = await run("evaluate", "whole", "--json");
    expect(code, stderr).toBe(0);
    const { student } = JSON.parse(stdout);
    expect([student.klFromTeacher.mean.value]).toBeAllClose([klOf(reportOf("whole"), "student-after")], {
      relative: 1e-3,
    });
    const exported = await run("export", "whole", "--to", "exported", "--precision", "float32,int8");
    expect(exported.code, exported.stderr).toBe(0);
    const words = ["evaluate", "whole", "chat", "exported/onnx/model.onnx", "--teacher", "chat", "--json"];
    const compared = await run(...words);
    expect(compared.code, compared.stderr).toBe(0);
    const [own, base, onnx] = (JSON.parse(compared.stdout).students as { perplexity: { value: number } }[]).map(
      ({ perplexity }) => perplexity.value,
    );
    expect([onnx!]).toBeAllClose([own!], { relative: 1e-4 });
    expect(Math.abs(base! - own!)).toBeGreaterThan(1e-2);
  });

  it("gives its log-probs in transformers.js, which is handed text alone", async () => {
    env.allowRemoteModels = false;
    const path = at("exported");
    const tokenizer = await AutoTokenizer.from_pretrained(path);
    const text = Array.from(tokenizer.encode("What are bees and maps?", { add_special_tokens: false }));
    const model = await AutoModelForCausalLM.from_pretrained(path, {
      dtype: "fp32",
      session_options: { intraOpNumThreads: 1 },
    });
    const whole = (values: readonly number[]) =>
      new Tensor("int64", BigInt64Array.from(values, BigInt), [1, values.length]);
    const { logits } = (await model({ input_ids: whole(text), attention_mask: whole(text.map(() => 1)) })) as {
      logits: Tensor;
    };
    const width = logits.dims[2]!;
    expect(width).toBe(321);
    const theirs = text
      .slice(1)
      .map((id, i) => logProbOf((logits.data as Float32Array).subarray(i * width, (i + 1) * width), id));
    const { tokens } = await score(at("whole/student"), { ids: text, topK: 1 }, { threads: 1 });
    expect(theirs).toBeAllClose(
      tokens.slice(1).map(({ logProb }) => logProb!),
      { relative: 0, absolute: 1e-4 },
    );
    const options = { max_new_tokens: 6, do_sample: false, eos_token_id: null };
    const inputs = { inputs: whole(text), attention_mask: whole(text.map(() => 1)), ...options };
    // biome-ignore lint/suspicious/noExplicitAny: the declared type of generate's options leaves out its plain inputs
    const output = (await model.generate(inputs as any)) as Tensor;
    const written = Array.from(output.data as BigInt64Array, Number);
    const after = await score(at("whole/student"), { ids: written, topK: 1 }, { threads: 1 });
    for (const { id, topK } of after.tokens.slice(text.length)) expect(topK[0]!.id).toBe(id);
    await model.dispose();
  });

  it.each(["gguf", "huggingface"])("is not exported as %s, which has no place for it", async (format) => {
    const { code, stderr } = await run("export", "whole", "--to", "out", "--format", format);
    expect(stderr).toMatch(new RegExp(`a student with a soft prompt cannot be written as ${format}`));
    expect(code).toBe(1);
    expect(existsSync(at("out"))).toBe(false);
  });
});
