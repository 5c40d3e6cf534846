import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recorder } from "../../test/support/recorder.js";
import { runCommandLine } from "./program.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "limbeck-cli-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function limbeck(...words: string[]) {
  const [out, err] = [recorder(), recorder()];
  const exitCode = await runCommandLine(words, { terminal: { out, err } });
  return { exitCode, out: out.text(), err: err.text() };
}

async function write(name: string, content: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const commands = ["quickstart", "check", "run", "evaluate", "score", "chat", "loss", "inspect", "models", "doctor"];

describe("limbeck", () => {
  it("lists its commands", async () => {
    const { exitCode, out } = await limbeck("--help");
    expect(exitCode).toBe(0);
    for (const command of commands) expect(out).toMatch(new RegExp(`^  ${command}\\b`, "m"));
  });

  it.each(commands)("explains %s with examples, within 80 columns", async (command) => {
    const { exitCode, out } = await limbeck(command, "--help");
    expect(exitCode).toBe(0);
    expect(out).toContain("Examples:\n  # ");
    expect(out).toContain(`\n  limbeck ${command}`);
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  it("ends with 2 on a wrong command line and says what was probably meant", async () => {
    expect(await limbeck("rnu")).toEqual({
      exitCode: 2,
      out: "",
      err: "error[USAGE]: unknown command 'rnu'\n  hint: Did you mean run?\n",
    });
    expect((await limbeck("score", "x", "--jsn")).err).toContain("hint: Did you mean --json?");
    expect((await limbeck("run")).err).toContain('hint: See "limbeck run --help".');
    expect((await limbeck()).exitCode).toBe(2);
  });

  it("ends with 2 on a wrong config and lists all that is wrong", async () => {
    const path = await write("wrong.yaml", "recipe: soft-labels\ntraining: { epochs: no, lr: 1 }\n");
    const { exitCode, out, err } = await limbeck("run", path);
    expect(exitCode).toBe(2);
    expect(out).toBe("");
    expect(err).toContain(`error[CONFIG]: config: `);
    expect(err).toContain('  training.epochs (line 2): expected a whole number above 0, got "no"\n');
    expect(err).toContain("  training.lr (line 2): unknown key; did you mean training.learningRate?\n");
    expect(err).toContain("  teacher: missing; expected");
  });

  it("names a module of --import that cannot be loaded", async () => {
    const { exitCode, err } = await limbeck("loss", "x.json", "--import", join(folder, "none.js"));
    expect(exitCode).toBe(1);
    expect(err).toContain(`error[IMPORT]: --import: "${join(folder, "none.js")}" could not be loaded`);
  });
});

describe("limbeck loss", () => {
  const input = {
    teacher: { logits: [[2, 0, 1], [0, 0, 0]] }, // biome-ignore format: one row per distribution
    student: { logits: [[1, 1, 0], [1, 0, 0]] }, // biome-ignore format: one row per distribution
    targetIds: [0, -100],
    responseMask: [1, 0],
    objective: { soft: { weight: 0.9, temperature: 2 }, hard: { weight: 0.1 } },
  };

  it("prints one JSON object with value, terms, rows and gradient", async () => {
    const { exitCode, out, err } = await limbeck("loss", await write("case.json", input), "--json");
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    const { value, terms, rows, gradient } = JSON.parse(out);
    expect(value).toBeCloseTo(0.9 * terms.soft + 0.1 * terms.hard, 12);
    expect(rows).toEqual([value, 0]);
    expect(gradient[1]).toEqual([0, 0, 0]);
    expect(gradient[0].reduce((sum: number, slope: number) => sum + slope)).toBeCloseTo(0, 12);
  });

  it("prints tables for people", async () => {
    const { out } = await limbeck("loss", await write("case.json", input));
    expect(out).toContain("nats, the mean of 1 of 2 rows");
    expect(out).toMatch(/^soft +0\.900 .* forward-kl at temperature 2, times its square$/m);
    expect(out).toMatch(/^1 +masked$/m);
  });

  it("lists all problems of its input with their lines", async () => {
    const text = '{ "studnt": {},\n "objective": { "soft": { "divergence": "forward_kl" } } }';
    const { exitCode, err } = await limbeck("loss", await write("wrong.json", text));
    expect(exitCode).toBe(2);
    expect(err).toContain("studnt (line 1): unknown key; did you mean student?");
    expect(err).toContain("objective.soft.divergence (line 2): expected");
    expect(err).toContain('did you mean "forward-kl"?');
  });

  it("refuses what is not JSON, with the line", async () => {
    const { exitCode, err } = await limbeck("loss", await write("broken.json", '{\n "student": [\n'));
    expect(exitCode).toBe(2);
    expect(err).toMatch(/error\[CONFIG\]: loss: 1 problem in .*broken\.json\n {2}line 3: /);
  });
});

describe("limbeck score", () => {
  it.each([
    [[], "got none"],
    [["--text", "a", "--ids", "1"], "got --text and --ids"],
    [["--ids", "1,x"], 'expected --ids like 1,42,7, got "1,x"'],
    [["--messages", "m.json"], "expected --messages and --response together"],
    [["--text", "a", "--top-k", "many"], 'expected a whole number for --top-k, got "many"'],
  ])("refuses %j", async (words, message) => {
    const { exitCode, err } = await limbeck("score", "model", ...words);
    expect(exitCode).toBe(2);
    expect(err).toContain(message);
  });
});

describe("limbeck inspect", () => {
  it("counts a file's rows by their kind", async () => {
    const path = await write(
      "rows.jsonl",
      '{"text":"a"}\n{"prompt":"a","response":"b"}\n{"context":"c"}\n{"text":"b"}\n',
    );
    const { exitCode, out } = await limbeck("inspect", path, "--json");
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ kind: "data", rows: 4, kinds: { text: 2, prompt: 1, other: 1 } });
  });

  it("fails with the number of a line that is not JSON", async () => {
    const { exitCode, err } = await limbeck("inspect", await write("rows.jsonl", '{"text":"a"}\n{"text":\n'));
    expect(exitCode).toBe(1);
    expect(err).toContain("rows.jsonl:2");
  });

  it("fails where there is nothing", async () => {
    expect(await limbeck("inspect", join(folder, "none"))).toMatchObject({ exitCode: 1, out: "" });
  });
});

describe("limbeck doctor", () => {
  it("finds the engine able to compute", async () => {
    const { exitCode, out } = await limbeck("doctor", "--json");
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      findings: expect.arrayContaining([expect.objectContaining({ name: "engine", state: "ok" })]),
    });
  });
});

/** A config over the tiny models and rows of the golden files. */
function tinyConfig(changes: Record<string, unknown> = {}): string {
  const golden = join(process.cwd(), "test", "golden", "training");
  return JSON.stringify({
    recipe: "soft-labels",
    teacher: { model: join(golden, "teacher") },
    student: { model: join(golden, "student-llama") },
    data: { train: join(golden, "rows.jsonl"), sequenceLength: 32 },
    objective: { soft: {} },
    training: { epochs: 2, tokensPerStep: 128 },
    output: join(folder, "run"),
    ...changes,
  });
}

describe("limbeck check", () => {
  it("says how large a run is", async () => {
    const { exitCode, out, err } = await limbeck("check", await write("tiny.yaml", tinyConfig()), "--json");
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: expect.stringMatching(/^timing a few batches\n/) });
    // The teacher has random weights.
    expect(err.match(/warning\[[a-z-]+\]/g)).toEqual([
      "warning[teacher-not-better-than-unigram]",
      "warning[teacher-not-better-than-student]",
    ]);
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      teacher: { modelType: "llama", parameters: 41_712 },
      student: { parameters: 21_664 },
      train: { rows: 22 },
      "held out": { rows: 2 },
      steps: { steps: 12, stepsPerEpoch: 6, epochs: 2 },
    });
  });

  it("finds every problem of what the config names, and ends with 1", async () => {
    const config = tinyConfig({ teacher: { model: "none" }, data: { train: "none.jsonl", sequenceLength: 32 } });
    const { exitCode, err } = await limbeck("check", await write("broken.yaml", config));
    expect(exitCode).toBe(1);
    expect(err).toContain('error[MODEL]: model: "none"');
    expect(err).toContain('error[DATA]: data: file "none.jsonl" does not exist.');
    expect(err).toContain("error[CHECK]: check: 2 problems; the run cannot start.");
  });

  it("refuses an output that is occupied", async () => {
    const config = await write("tiny.yaml", tinyConfig({ output: folder }));
    expect((await limbeck("check", config)).err).toContain(`error[OCCUPIED]: output: "${folder}" must be new or empty`);
  });
});

describe("limbeck evaluate", () => {
  const golden = join(process.cwd(), "test", "golden", "training");

  it("measures a student beside its teacher", async () => {
    const words = [
      join(golden, "student-llama"),
      "--teacher",
      join(golden, "teacher"),
      "--data",
      join(golden, "rows.jsonl"),
    ];
    const { exitCode, out } = await limbeck("evaluate", ...words, "--json");
    expect(exitCode).toBe(0);
    const { student, teacher, data } = JSON.parse(out);
    expect(student.klFromTeacher.mean.value).toBeGreaterThan(0);
    expect(teacher).toMatchObject({ klFromTeacher: null });
    expect(data.responseTokens).toBe(543);
  });

  it("finds no distance between a model and itself", async () => {
    const model = join(golden, "teacher");
    const { out } = await limbeck(
      "evaluate",
      model,
      "--teacher",
      model,
      "--data",
      join(golden, "rows.jsonl"),
      "--json",
    );
    const { klFromTeacher, top1Agreement } = JSON.parse(out).student;
    expect(klFromTeacher.p99).toBeLessThan(1e-5);
    expect(top1Agreement.value).toBe(1);
  });

  it("needs rows for what is not a run", async () => {
    const { exitCode, err } = await limbeck("evaluate", join(golden, "teacher"));
    expect(exitCode).toBe(1);
    expect(err).toContain("hint: Name a file with --data.");
  });
});
