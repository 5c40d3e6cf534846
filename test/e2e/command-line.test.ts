/** @file The built program as a shell runs it: exit codes, streams, interruption and resume. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const program = resolve("dist/cli/main.js");
const golden = resolve("test/golden/training");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "limbeck-command-line-"));
  const config = {
    recipe: "soft-labels",
    teacher: { model: join(golden, "teacher") },
    student: { model: join(golden, "student-llama") },
    data: { train: join(golden, "rows.jsonl"), sequenceLength: 32 },
    objective: { soft: { temperature: 2 } },
    training: { steps: 30, tokensPerStep: 128, evaluateEvery: 10, checkpointEvery: 10 },
    threads: 1,
  };
  await writeFile(join(folder, "tiny.yaml"), JSON.stringify(config));
});
afterAll(() => rm(folder, { recursive: true }));

interface Ended {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs limbeck in the test's folder. */
function limbeck(words: readonly string[], onOutput?: (child: ChildProcess, out: string) => void): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...words], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stderr.on("data", (piece: Buffer) => {
    err += piece;
  });
  child.stdout.on("data", (piece: Buffer) => {
    out += piece;
    onOutput?.(child, out);
  });
  return new Promise((done) => child.on("close", (exitCode) => done({ exitCode, out, err })));
}

function weightsOf(run: string): Promise<Buffer> {
  return readFile(join(folder, run, "student", "model.safetensors"));
}

describe("limbeck run", () => {
  it("writes a student and a report, and never writes over them", async () => {
    const first = await limbeck(["run", "tiny.yaml", "--output", "first"]);
    expect(first).toMatchObject({ exitCode: 0 });
    expect(first.out).toContain("held-out KL");
    expect(first.out).toContain(`report   ${join("first", "report.html")}`);
    for (const line of [...first.out.split("\n"), ...first.err.split("\n")])
      expect(line.length).toBeLessThanOrEqual(80);
    for (const file of ["config.yaml", "manifest.json", "metrics.jsonl", "report.json", "report.html"]) {
      expect(existsSync(join(folder, "first", file))).toBe(true);
    }
    const before = await weightsOf("first");
    const second = await limbeck(["run", "tiny.yaml", "--output", "first", "--set", "training.seed=1"]);
    expect(second).toMatchObject({ exitCode: 1, out: "" });
    expect(second.err).toContain("error[OCCUPIED]");
    expect(await weightsOf("first")).toEqual(before);
  });

  it("runs from the config that it wrote, to the same weights", async () => {
    expect((await limbeck(["run", "first/config.yaml", "--output", "again"])).exitCode).toBe(0);
    expect(await weightsOf("again")).toEqual(await weightsOf("first"));
  });

  it("prints one JSON object per line, and nothing else, with --json", async () => {
    const { exitCode, out, err } = await limbeck(["run", "tiny.yaml", "--output", "json", "--json"]);
    expect(exitCode).toBe(0);
    const events = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string; step?: number });
    expect(events.filter(({ type }) => type === "step").map(({ step }) => step)).toEqual(
      Array.from({ length: 30 }, (_, i) => i + 1),
    );
    expect(events.at(-1)).toMatchObject({ type: "result", output: "json", report: { limbeckReport: 1 } });
    expect(err).toContain("student: 30 of 30 steps (100 %)");
  });

  it("stops on Ctrl-C with a checkpoint and status 130, and goes on to the same weights", async () => {
    const words = ["run", "tiny.yaml", "--output", "stopped"];
    let isSent = false;
    const stopped = await limbeck([...words, "--json"], (child, out) => {
      if (isSent || !out.includes('"step":15,')) return;
      isSent = true;
      child.kill("SIGINT");
    });
    expect(stopped.exitCode).toBe(130);
    expect(stopped.err).toContain("stopping after this step; press again to quit at once\n");
    expect(stopped.err).toContain("error[INTERRUPTED]");
    expect(stopped.err).toContain("limbeck run tiny.yaml --output stopped --resume");
    expect((await limbeck([...words, "--resume"])).exitCode).toBe(0);
    expect(await weightsOf("stopped")).toEqual(await weightsOf("first"));
  });

  it("goes on when nobody reads its output any more", async () => {
    const { exitCode, err } = await limbeck(["run", "tiny.yaml", "--output", "unread", "--json"], (child) => {
      child.stdout?.destroy();
    });
    expect(exitCode).toBe(0);
    expect(err).not.toContain("error");
    expect(existsSync(join(folder, "unread", "report.json"))).toBe(true);
  });
});

describe("what starts a command", () => {
  it.each(["cli/program.js", "config/load-config.js"])("loads no engine: %s", async (module) => {
    const script = `import(${JSON.stringify(resolve("dist", module))}).then(() => {
      const engine = Object.keys(require.cache).filter((path) => path.includes("onnxruntime"));
      process.exitCode = engine.length;
    })`;
    const child = spawn(process.execPath, ["-e", script], { stdio: "inherit" });
    expect(await new Promise((end) => child.once("exit", end))).toBe(0);
  });
});

describe("limbeck inspect", () => {
  it("tells what a run came to", async () => {
    const { exitCode, out } = await limbeck(["inspect", "first"]);
    expect(exitCode).toBe(0);
    expect(out).toContain("state        finished, 30 steps");
    const json = JSON.parse((await limbeck(["inspect", "first/checkpoints/step-000030", "--json"])).out);
    expect(json).toMatchObject({ kind: "checkpoint", step: 30 });
  });
});

describe("limbeck evaluate", () => {
  it("finds for a run what its report says", async () => {
    const { out } = await limbeck(["evaluate", "first", "--json"]);
    const report = JSON.parse(await readFile(join(folder, "first", "report.json"), "utf8"));
    const reported = report.models.find(({ role }: { role: string }) => role === "student-after");
    expect(JSON.parse(out).student.klFromTeacher).toEqual(reported.klFromTeacher);
  });
});
