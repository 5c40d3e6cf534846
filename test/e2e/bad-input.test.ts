/** @file What cannot be run ends in an error that says where and why, with exit code 1 or 2, and leaves every file as it was. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Report } from "../../src/report/report.js";
import { type ConfigChanges, configText, type Ended, golden, limbeck, makeWorkFolder } from "../support/limbeck.js";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
const at = (...parts: string[]) => join(folder.path, ...parts);

beforeAll(async () => {
  folder = await makeWorkFolder();
});
afterAll(() => folder.remove());

let count = 0;

/** Runs a config into a new output folder, which it returns too. */
async function run(changes: ConfigChanges, ...words: string[]): Promise<Ended & { output: string }> {
  const name = `case-${++count}`;
  await writeFile(at(`${name}.yaml`), configText({ ...changes, output: name }));
  return { ...(await limbeck(["run", `${name}.yaml`, ...words], { cwd: folder.path })), output: name };
}

/** Runs a config that must fail before anything is written. */
async function expectRefusal(changes: ConfigChanges, code: 1 | 2, ...messages: readonly RegExp[]): Promise<void> {
  const ended = await run(changes);
  expect(ended.code, ended.stderr).toBe(code);
  for (const message of messages) expect(ended.stderr).toMatch(message);
  expect(existsSync(at(ended.output))).toBe(false);
}

const rows = (lines: readonly unknown[]) =>
  lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join("");
const tokenIds = [5, 6, 7, 8];

describe("limbeck run refuses rows", () => {
  const withRows = async (name: string, text: string) => {
    await writeFile(at(name), text);
    return { data: { train: name } };
  };

  it("from a file that is not there", () =>
    expectRefusal({ data: { train: "nowhere.jsonl" } }, 1, /error\[DATA\].*nowhere\.jsonl/));

  it("from an empty file", async () =>
    expectRefusal(await withRows("empty.jsonl", ""), 1, /error\[DATA\]: data: .*(empty|no rows|got none)/));

  it("from a malformed line, by its number", async () =>
    expectRefusal(
      await withRows("bad.jsonl", rows([{ tokenIds }, { tokenIds }, '{"tokenIds": [5, 6'])),
      1,
      /bad\.jsonl:3/,
    ));

  it("with an id that the model does not have, by its line", async () =>
    expectRefusal(
      await withRows("ids.jsonl", rows([{ tokenIds }, { tokenIds: [5, 96] }])),
      1,
      /ids\.jsonl:2: "tokenIds\[1\]" .* 0 to 95, got 96/,
    ));

  it("of which none has a response token", async () => {
    const silent = { tokenIds, responseMask: [0, 0, 0, 0] };
    await expectRefusal(await withRows("silent.jsonl", rows([silent, silent])), 1, /of 2 rows 2 have none/);
  });

  it("only where all are without a response token; some are counted, warned about and reported", async () => {
    const text = await readFile(`${golden}training/rows.jsonl`, "utf8");
    const changes = await withRows("some.jsonl", `${text}${rows([{ tokenIds, responseMask: [0, 0, 0, 0] }])}`);
    const { code, stderr, output } = await run(changes, "--set", "training.epochs=1");
    expect(code, stderr).toBe(0);
    expect(stderr.replaceAll(/\s+/g, " ")).toContain(
      "warning[rows-without-response]: 1 of 25 rows have no response token and are left out.",
    );
    const report = JSON.parse(await readFile(at(output, "report.json"), "utf8")) as Report;
    expect(report.data.train).toMatchObject({ rows: 24, droppedRows: 1 });
  });
});

describe("limbeck run refuses a config", () => {
  it("with an unknown key, which it puts right, and every other problem", () =>
    expectRefusal(
      { training: { learningrate: 0.1, epsilon: -1 } },
      2,
      /error\[CONFIG\]: config: 2 problems in case-\d+\.yaml/,
      /training\.learningrate \(line \d+\): unknown key; did you mean training\.learningRate\?/,
      /training\.epsilon \(line \d+\): .*got -1/,
    ));

  it("that is no YAML, or not there", async () => {
    await writeFile(at("broken.yaml"), "recipe: soft-labels\n  teacher: [\n");
    for (const [name, message] of [
      ["broken.yaml", /broken\.yaml/],
      ["brocken.yaml", /there is no file "brocken\.yaml"/],
    ] as const) {
      const { code, stderr } = await limbeck(["run", name], { cwd: folder.path });
      expect(code).toBe(2);
      expect(stderr).toMatch(message);
    }
  });
});

describe("limbeck run refuses a model", () => {
  /** A copy of the golden teacher with its files changed. */
  async function spoiled(
    name: string,
    spoil: (file: (file: string) => string) => Promise<void>,
  ): Promise<ConfigChanges> {
    await cp(`${golden}training/teacher`, at(name), { recursive: true });
    await spoil((file) => at(name, file));
    return { teacher: { model: name } };
  }
  const weights = "model.safetensors";
  const withHeader = async (path: string, change: (header: Record<string, { data_offsets: number[] }>) => void) => {
    const bytes = await readFile(path);
    const length = Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
    change(header);
    const text = Buffer.from(JSON.stringify(header).padEnd(length));
    await writeFile(path, Buffer.concat([bytes.subarray(0, 8), text, bytes.subarray(8 + length)]));
  };

  it("that is not there", () => expectRefusal({ teacher: { model: "nobody" } }, 1, /error\[MODEL\].*"nobody/));

  it("whose safetensors file is cut short", async () =>
    expectRefusal(
      await spoiled("short", async (file) =>
        writeFile(file(weights), (await readFile(file(weights))).subarray(0, -100)),
      ),
      1,
      /error\[MODEL\].*model\.safetensors/,
    ));

  it("whose safetensors header claims to be larger than the file", async () =>
    expectRefusal(
      await spoiled("oversized", async (file) => {
        const bytes = await readFile(file(weights));
        bytes.writeBigUInt64LE(2n ** 40n);
        await writeFile(file(weights), bytes);
      }),
      1,
      /error\[MODEL\].*model\.safetensors.*header/,
    ));

  it("whose tensors overlap", async () =>
    expectRefusal(
      await spoiled("overlapping", (file) =>
        withHeader(file(weights), (header) => {
          const [first, second] = ["model.layers.0.self_attn.k_proj.weight", "model.layers.0.self_attn.v_proj.weight"];
          header[second!]!.data_offsets = header[first!]!.data_offsets;
        }),
      ),
      1,
      /error\[MODEL\].*model\.safetensors.*(overlap|gap)/,
    ));

  it("whose weights contradict its config.json, by the tensor's name", async () =>
    expectRefusal(
      await spoiled("contradicting", async (file) => {
        const config = JSON.parse(await readFile(file("config.json"), "utf8"));
        await writeFile(file("config.json"), JSON.stringify({ ...config, intermediate_size: 80 }));
      }),
      1,
      /error\[MODEL\].*mlp\.(gate|up|down)_proj\.weight.*80.*64/,
    ));

  it("of a type that it does not know, with those that it knows", async () =>
    expectRefusal(
      await spoiled("unknown", async (file) => {
        const config = JSON.parse(await readFile(file("config.json"), "utf8"));
        await writeFile(file("config.json"), JSON.stringify({ ...config, model_type: "mamba" }));
      }),
      1,
      /"mamba"/,
      /llama, mistral, qwen2(,| and) qwen3/,
    ));

  it("whose tokenizer is not its student's", async () => {
    const tokenizer = (name: string) => `${golden}tokenizers/${name}/tokenizer.json`;
    const teacher = await spoiled("teacher-of-others", (file) => cp(tokenizer("pieces"), file("tokenizer.json")));
    await spoiled("other-student", (file) => cp(tokenizer("chatml"), file("tokenizer.json")));
    await expectRefusal(
      { ...teacher, student: { model: "other-student" } },
      1,
      /error\[DATA\]: data: teacher and student tokenizers differ \(fingerprint [0-9a-f]{8} vs [0-9a-f]{8}; id \d+ is /,
    );
  });
});

describe("limbeck run", () => {
  it("writes into no folder that holds files, even those of others", async () => {
    await mkdir(at("mine"));
    await writeFile(at("mine/diary.txt"), "private");
    const { code, stderr } = await run({}, "--output", "mine");
    expect(code).toBe(1);
    expect(stderr).toContain(
      'error[OCCUPIED]: output: "mine" must be new or empty, got a folder that holds "diary.txt".',
    );
    expect(await readdir(at("mine"))).toEqual(["diary.txt"]);
  });

  it("stops where the loss is no number, and names the step, the rows and the first bad value", async () => {
    const { code, stderr } = await run({ training: { learningRate: 1e30 } });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /error\[NON_FINITE\]: training: the loss became NaN at step 2 \(micro-batch 1, rows of \S+rows\.jsonl:5, .*\); the first value that is not finite is "layers\.0\/\S+"\./,
    );
    expect(stderr).toContain("hint: Lower training.learningRate");
  });
});

describe("a disk that fills up", () => {
  const training = { microBatchTokens: 128, checkpointEvery: 2 };

  it("ends the run where the system allows no larger file, and keeps what was there", async () => {
    await writeFile(at("limited.yaml"), configText({ training, output: "limited" }));
    // Weights of 88 kB do not fit into 60 blocks; the config, the manifest and the metrics do.
    const through = ["sh", "-c", 'ulimit -f 60; exec "$@"', "sh"];
    const { code, stderr } = await limbeck(["run", "limited.yaml"], { cwd: folder.path, through });
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(
      /error\[FILE\]: "limited\/checkpoints\/step-000002": could not be written.*\(EFBIG\)\.\n {2}hint: /,
    );
    expect(await readdir(at("limited/checkpoints"))).toEqual([]);
  });

  const canMount = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0;

  // Needs Linux and leave to mount in a namespace of its own; the test above needs neither.
  it.skipIf(!canMount)("during a checkpoint leaves the one before, from which the run goes on", async () => {
    await mkdir(at("small"));
    await writeFile(at("small.yaml"), configText({ training, output: "small/run" }));
    const script = `mount -t tmpfs -o size=450k tmpfs small && "$@"
      echo "code $?, left: $(ls -A small/run/checkpoints)"
      mount -o remount,size=4m small && "$@" --resume
      echo "code $?"`;
    const through = ["unshare", "-rm", "sh", "-c", script, "sh"];
    const { stdout, stderr } = await limbeck(["run", "small.yaml"], { cwd: folder.path, through });
    expect(stderr).toMatch(
      /error\[FILE\]: "small\/run\/checkpoints\/step-000004": could not be written, got a full disk \(ENOSPC\)\./,
    );
    expect(stderr).toContain("hint: Free some space");
    expect(stdout).toContain("code 1, left: step-000002");
    expect(stdout.trimEnd().endsWith("code 0"), stderr).toBe(true);
  });
});
