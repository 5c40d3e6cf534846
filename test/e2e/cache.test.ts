/** @file Captures: filled by processes that are killed or share the work, read by runs, and refused where they are damaged or do not fit. */

import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom } from "../../src/data/index.js";
import { configText, golden, limbeck, makeWorkFolder, startLimbeck } from "../support/limbeck.js";

let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
const at = (...parts: string[]) => join(folder.path, ...parts);

/** 24 blocks of four sequences. */
async function writeRows(): Promise<void> {
  const random = createRandom(5);
  const rows = Array.from({ length: 96 }, () => ({
    tokenIds: Array.from({ length: 500 }, () => random.nextBelow(96)),
  }));
  await writeFile(at("rows.jsonl"), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
}

const many = (cache: object) =>
  configText({
    data: { train: "rows.jsonl", sequenceLength: 512 },
    training: { epochs: undefined, steps: 1, tokensPerStep: 512 },
    cache,
  });

/** Files of the only capture in a directory, by name. */
async function filesOf(directory: string): Promise<Record<string, string>> {
  const [name, ...others] = await readdir(at(directory));
  expect(others).toEqual([]);
  const files = await readdir(at(directory, name!));
  const pairs = files.map(async (file) => [file, await readFile(at(directory, name!, file), "base64")] as const);
  return Object.fromEntries(await Promise.all(pairs));
}

const run = (...words: string[]) => limbeck(words, { cwd: folder.path });

async function captured(directory: string): Promise<string> {
  const [name] = await readdir(at(directory));
  return join(directory, name!);
}

/** Loss, terms and gradient norm of every step. */
async function stepsOf(output: string): Promise<number[]> {
  const lines = (await readFile(at(output, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
  return lines.flatMap((line) => {
    const { loss, terms, gradientNorm } = JSON.parse(line);
    return terms === undefined ? [] : [loss, terms.soft, terms.hard, gradientNorm];
  });
}

beforeAll(async () => {
  folder = await makeWorkFolder();
  await writeRows();
});
afterAll(() => folder.remove());

describe("limbeck capture", () => {
  beforeAll(async () => {
    await writeFile(at("whole.yaml"), many({ directory: "whole", store: { kind: "sparse", topK: 8 } }));
    expect((await run("capture", "whole.yaml")).code).toBe(0);
  });

  it("that was killed again and again has the same bytes as one that never was", { timeout: 240_000 }, async () => {
    await writeFile(at("killed.yaml"), many({ directory: "killed", store: { kind: "sparse", topK: 8 } }));
    const random = createRandom(11);
    for (let kill = 0; kill < 6; kill++) {
      const started = startLimbeck(["capture", "killed.yaml"], { cwd: folder.path });
      await Promise.race([started.ended, sleep(700 + random.nextBelow(1500))]);
      started.process.kill("SIGKILL");
      await started.ended;
    }
    // A kill in the instant between making a lock and writing its owner into it. On a busy machine no process came so far as to
    // make the folder, whose name is that of the same capture elsewhere.
    const killed = at("killed", basename(await captured("whole")));
    await mkdir(killed, { recursive: true });
    await writeFile(join(killed, "blocks-000000-000023.lock"), "");
    expect((await run("capture", "killed.yaml")).code).toBe(0);
    expect(Object.keys(await filesOf("killed"))).toEqual(Object.keys(await filesOf("whole")));
    expect(await filesOf("killed")).toEqual(await filesOf("whole"));
  });

  it("shared by two processes is the same too, and neither does the work twice", { timeout: 120_000 }, async () => {
    await writeFile(at("shared.yaml"), many({ directory: "shared", store: { kind: "sparse", topK: 8 } }));
    const [one, two] = await Promise.all([run("capture", "shared.yaml"), run("capture", "shared.yaml")]);
    expect([one.code, two.code]).toEqual([0, 0]);
    expect(await filesOf("shared")).toEqual(await filesOf("whole"));
  });

  it("asks nothing a second time, and says what it holds", async () => {
    const again = await run("capture", "whole.yaml", "--json");
    expect(JSON.parse(again.stdout.trimEnd().split("\n").at(-1)!)).toMatchObject({ type: "result", asked: 0 });
    const inspected = await run("inspect", await captured("whole"), "--json");
    const { kind, bytesPerToken, presentBlocks, blocks, tailMass } = JSON.parse(inspected.stdout);
    expect({ kind, presentBlocks, blocks }).toEqual({ kind: "capture", presentBlocks: 24, blocks: 24 });
    expect(bytesPerToken).toBeLessThan(24);
    expect(tailMass.counts.reduce((sum: number, count: number) => sum + count, 0)).toBe(96 * 499);
  });

  it("is counted in the time that a check foretells, which captures nothing itself", async () => {
    await writeFile(at("foretold.yaml"), many({ directory: "foretold", store: { kind: "sparse", topK: 8 } }));
    const { code, stdout, stderr } = await run("check", "foretold.yaml", "--json");
    expect(code, stderr).toBe(0);
    expect((JSON.parse(stdout) as { time: { training: number } }).time.training).toBeGreaterThan(0);
    expect(existsSync(at("foretold"))).toBe(false);
  });

  it("finds a flipped byte, wherever it is, and names file and block", async () => {
    const source = await captured("whole");
    const [file] = (await readdir(at(source))).filter((name) => name.startsWith("blocks-"));
    await mkdir(at("flipped"));
    await copyFile(at(source, "capture.json"), at("flipped", "capture.json"));
    const bytes = await readFile(at(source, file!));
    const header = 8 + Number(bytes.readBigUInt64LE());
    const random = createRandom(3);
    const places = [3, 60, header >>> 1, header + 2, bytes.length - 1];
    for (let i = 0; i < 5; i++) places.push(header + random.nextBelow(bytes.length - header));
    for (const place of places) {
      const damaged = Buffer.from(bytes);
      damaged[place]! ^= 0x10;
      await writeFile(at("flipped", file!), damaged);
      const { code, stderr } = await run("inspect", "flipped");
      expect([place, code]).toEqual([place, 1]);
      expect(stderr).toContain("error[CACHE]");
      expect(stderr).toContain(file);
      if (place >= header) expect(stderr).toMatch(/block \d+|documents in blocks/);
    }
  }, 60_000);
});

describe("a run with a cache", () => {
  const config = (cache?: object) => configText({ data: { heldOutFraction: 0.2, shuffle: true }, cache });
  const stores = {
    "hidden-float32": { kind: "hidden", precision: "float32" },
    "whole-vocabulary": { kind: "sparse", topK: 96, logProbError: 0 },
  };

  beforeAll(async () => {
    await writeFile(at("live.yaml"), config());
    expect((await run("run", "live.yaml", "--output", "live")).code).toBe(0);
  });

  it.each(Object.entries(stores))("of %s trains as a live teacher does, in every step", async (name, store) => {
    await writeFile(at(`${name}.yaml`), config({ directory: name, store }));
    const first = await run("run", `${name}.yaml`, "--output", `${name}-1`);
    expect(first.stderr).toContain("capturing the teacher");
    const second = await run("run", `${name}.yaml`, "--output", `${name}-2`);
    expect(second.stderr).toContain("the teacher is not run: its signals are in");
    expect(await stepsOf(`${name}-1`)).toBeAllClose(await stepsOf("live"), { relative: 1e-5 });
    expect(await stepsOf(`${name}-2`)).toEqual(await stepsOf(`${name}-1`));
  });

  it("ignores captures of other rows, and asks only for what is missing", async () => {
    await writeFile(at("more.yaml"), config({ directory: "hidden-float32" }));
    const row = (first: number) => `${JSON.stringify({ tokenIds: [first, 5, 9, 2, 7, 1] })}\n`;
    await writeFile(at("extra.jsonl"), [1, 2, 3].map(row).join(""));
    const train = JSON.stringify([`${golden}training/rows.jsonl`, "extra.jsonl"]);
    const more = await run("capture", "more.yaml", "--json", "--set", `data.train=${train}`);
    const result = JSON.parse(more.stdout.trimEnd().split("\n").at(-1)!);
    expect(result.asked).toBe(3);
    expect(result.documents).toBeGreaterThan(20);
    expect(result.captures).toHaveLength(2);
  });

  it.each(["soft-labels", "context"])(
    "is refused by %s where a top-k cannot teach, before it is made",
    async (recipe) => {
      const store = { kind: "sparse", topK: 8 };
      const sides = { teacher: { prompt: "{{ a }}" }, student: { prompt: "" } };
      const objective = { soft: { divergence: "reverse-kl", temperature: 2 } };
      await writeFile(
        at("unfit.yaml"),
        configText({ recipe, ...(recipe === "context" && sides), objective, cache: { directory: "unfit", store } }),
      );
      const { code, stderr } = await run("capture", "unfit.yaml");
      expect(code).toBe(2);
      expect(stderr).toMatch(/objective\.soft\.divergence .*learns from a top-k.*got "reverse-kl": a top-k/);
      expect(existsSync(at("unfit"))).toBe(false);
    },
  );

  it("refuses a named capture that does not fit, and says in what", async () => {
    const capture = await captured("whole");
    const named = config({ capture, store: { kind: "sparse", topK: 16, temperatures: [3] } });
    await writeFile(at("named.yaml"), named);
    const { code, stderr } = await run("run", "named.yaml", "--output", "named");
    expect(code).toBe(1);
    expect(stderr).toContain("error[CACHE]");
    expect(stderr).toContain("store's topK 8, expected 16");
    expect(stderr.replace(/\s+/g, " ")).toContain("store's temperatures [1,2], expected [1,2,3]");
    const rows = config({ capture, store: { kind: "sparse", topK: 8 } });
    await writeFile(at("rows.yaml"), rows);
    expect((await run("run", "rows.yaml", "--output", "rows")).stderr.replace(/\s+/g, " ")).toMatch(
      /must hold the run's \d+ documents, got \d+ that it lacks/,
    );
  });

  it("refuses a file that lies in the folder of another capture", async () => {
    const [from, to] = [await captured("whole"), "moved"];
    const { path } = { path: await captured("hidden-float32") };
    await mkdir(at(to));
    await copyFile(at(from, "capture.json"), at(to, "capture.json"));
    const [file] = (await readdir(at(path))).filter((name) => name.startsWith("blocks-"));
    await copyFile(at(path, file!), at(to, file!));
    const { code, stderr } = await run("inspect", to);
    expect([code, stderr.includes("belongs to another capture")]).toEqual([1, true]);
  });
});
