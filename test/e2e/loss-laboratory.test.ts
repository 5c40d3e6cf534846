/** @file The loss laboratory from the command line: sweeps, comparisons and fits. */

import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { limbeck } from "../support/limbeck.js";

let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "limbeck-loss-"));
  file = join(folder, "case.json");
  const input = {
    teacher: { probabilities: [[0.7, 0.2, 0.1]] },
    student: { probabilities: [[0.5, 0.3, 0.2]] },
    targetIds: [1],
    objective: { soft: { divergence: "jsd", teacherWeight: 0.3 }, hard: { weight: 0 } },
  };
  await writeFile(file, JSON.stringify(input));
});

interface Variants {
  readonly variants: readonly { readonly set: unknown; readonly value: number }[];
}
interface Fits {
  readonly fits: readonly { readonly name: string; readonly mean: number; readonly deviation: number }[];
}

const values = async (...args: string[]): Promise<Variants["variants"]> => {
  const { stdout } = await limbeck(["loss", file, "--json", ...args], { cwd: folder });
  return (JSON.parse(stdout) as Variants).variants;
};

describe("limbeck loss --sweep and --compare", () => {
  it("computes every combination, each divergence at its own defaults", async () => {
    const variants = await values("--compare", "forward-kl,tvd", "--sweep", "temperature=1,2");
    expect(variants.map(({ set }) => set)).toEqual([
      { divergence: "forward-kl", temperature: 1 },
      { divergence: "forward-kl", temperature: 2 },
      { divergence: "tvd", temperature: 1 },
      { divergence: "tvd", temperature: 2 },
    ]);
    const kl = 0.7 * Math.log(0.7 / 0.5) + 0.2 * Math.log(0.2 / 0.3) + 0.1 * Math.log(0.1 / 0.2);
    expect([variants[0]!.value, variants[2]!.value]).toBeAllClose([kl, 0.2], { relative: 1e-12 });
  });

  it("sweeps an option of one term by its name", async () => {
    const [none, one] = await values("--sweep", "hard.weight=0,1");
    expect([one!.value - none!.value]).toBeAllClose([-Math.log(0.3)], { relative: 1e-12 });
  });

  it.each([
    [["--sweep", "temperature"], "must be a key and its values"],
    [["--sweep", "temperature=0"], "expected a number above 0 or a section of keys and values, got 0"],
    [["--sweep", "sotf.weight=1"], 'names the term "sotf"'],
    [["--compare", "forward-kl,jds"], 'did you mean "jsd"?'],
    [["--html", "x.html"], "--html needs --fit"],
    [["--fit"], "--fit needs one row"],
  ])("refuses %j", async (args, message) => {
    const { code, stderr } = await limbeck(["loss", file, ...args], { cwd: folder });
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

describe("limbeck loss --fit", () => {
  it("shows that forward KL covers both peaks and reverse KL seeks one, and writes the picture", async () => {
    const page = join(folder, "fit.html");
    const { stdout } = await limbeck(
      ["loss", "--fit", "--compare", "forward-kl,reverse-kl", "--html", page, "--json"],
      { cwd: folder },
    );
    const [covering, seeking] = (JSON.parse(stdout) as Fits).fits;
    // Forward KL's best Gaussian has the teacher's moments where its edges are far: 0.6 at 18 and 0.4 at 44.
    expect(covering!.mean).toBeGreaterThan(25);
    expect(covering!.deviation).toBeGreaterThan(12);
    expect(Math.abs(seeking!.mean - 18)).toBeLessThan(0.5);
    expect(seeking!.deviation).toBeLessThan(5);
    const html = await readFile(page, "utf8");
    expect(html).toContain("reverse-kl");
    expect(html.match(/class="line student"/g)).toHaveLength(2);
  });
});
