/** @file What a sweep tries, and who goes on where trials are halved. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawCandidates, gridOf } from "./candidates.js";
import { type Dimension, parseDimension } from "./dimension.js";
import { keepBest, planRungs } from "./halving.js";

describe("parseDimension", () => {
  it.each([
    ["a.b=1,2,4", { key: "a.b", values: [1, 2, 4] }],
    ["schedule=cosine, linear", { key: "schedule", values: ["cosine", "linear"] }],
    [
      "betas=[0.9, 0.95],[0.8, 0.9]",
      {
        key: "betas",
        values: [
          [0.9, 0.95],
          [0.8, 0.9],
        ],
      },
    ],
    ["shape={layers: 2, heads: 4},{layers: 3}", { key: "shape", values: [{ layers: 2, heads: 4 }, { layers: 3 }] }],
    ["clipNorm=null,1", { key: "clipNorm", values: [null, 1] }],
    ["model=models/a..b", { key: "model", values: ["models/a..b"] }],
    ["rate=1e-4..1e-2", { key: "rate", low: 1e-4, high: 1e-2, isWhole: false }],
    ["layers=2..8", { key: "layers", low: 2, high: 8, isWhole: true }],
    ["weight=0.0..1.0", { key: "weight", low: 0, high: 1, isWhole: false }],
  ])("reads %s", (text, expected) => expect(parseDimension(text)).toEqual(expected));

  it.each([
    ["temperature", "expected key=value,value"],
    ["=1,2", "expected key=value,value"],
    ["a..b=1", "expected key=value,value"],
    ["temperature=", "expected key=value,value"],
    ["temperature={a: 1", "expected values in YAML between commas"],
    ["temperature=1,2,1", "expected every value once, got 1 twice"],
    ["rate=1e-2..1e-4", "expected a range that goes upwards, got 0.01 to 0.0001"],
  ])("refuses %s", (text, problem) => expect(() => parseDimension(text)).toThrow(problem));
});

const values = (key: string, ...each: unknown[]): Dimension => ({ key, values: each });

describe("gridOf", () => {
  it("makes every combination once, the last key changing fastest, with folder names that tell them apart", () => {
    const grid = gridOf([values("objective.soft.temperature", 1, 2), values("student.layers", 3, 6)]);
    expect(grid.map(({ name }) => name)).toEqual([
      "temperature-1_layers-3",
      "temperature-1_layers-6",
      "temperature-2_layers-3",
      "temperature-2_layers-6",
    ]);
    expect(grid[2]!.overrides).toEqual(["objective.soft.temperature=2", "student.layers=3"]);
  });

  it("names sections by their place, paths by their end, and equal names apart", () => {
    expect(gridOf([values("shape", { layers: 2 }, { layers: 3 })]).map(({ name }) => name)).toEqual([
      "shape-1",
      "shape-2",
    ]);
    const models = gridOf([values("teacher.model", "runs/a/student", "runs/b/student")]);
    expect(models.map(({ name }) => name)).toEqual(["model-student", "model-student-2"]);
    const keys = gridOf([values("teacher.model", "a"), values("student.model", "b")]);
    expect(keys[0]!.name).toBe("teacher.model-a_student.model-b");
  });

  it("never names a folder outside its own, and no two alike", () => {
    const anything = fc.uniqueArray(fc.oneof(fc.string(), fc.double({ noNaN: true }), fc.constant(null)), {
      minLength: 1,
      maxLength: 8,
      selector: (value) => JSON.stringify(value),
    });
    fc.assert(
      fc.property(anything, anything, (a, b) => {
        const names = gridOf([values("x.a", ...a), values("x.b", ...b)]).map(({ name }) => name);
        expect(new Set(names).size).toBe(a.length * b.length);
        for (const name of names) expect(name).toMatch(/^a-[\w.+-]+$/);
      }),
    );
  });

  it("refuses a range", () => {
    expect(() => gridOf([{ key: "rate", low: 1, high: 2, isWhole: false }])).toThrow("got a range");
  });
});

describe("drawCandidates", () => {
  const range = { key: "rate", low: 1e-4, high: 1e-1, isWhole: false };

  it("draws the same for a seed and other ones for another, each within its range", () => {
    const drawn = drawCandidates([range], 20, 7);
    expect(drawCandidates([range], 20, 7)).toEqual(drawn);
    expect(drawCandidates([range], 20, 8)).not.toEqual(drawn);
    const rates = drawn.map(({ overrides }) => Number(overrides[0]!.split("=")[1]));
    expect(new Set(rates).size).toBe(20);
    for (const rate of rates) expect(rate >= 1e-4 && rate <= 1e-1, `${rate}`).toBe(true);
  });

  it("draws from a positive range on a logarithmic scale", () => {
    const rates = drawCandidates([range], 600, 0).map(({ overrides }) => Number(overrides[0]!.split("=")[1]));
    for (const [low, high] of [
      [1e-4, 1e-3],
      [1e-3, 1e-2],
      [1e-2, 1e-1],
    ] as const) {
      // A third each, give or take four standard deviations.
      expect(rates.filter((rate) => rate >= low && rate < high).length / 600).toBeCloseTo(1 / 3, 1);
    }
  });

  it("draws whole numbers from whole ends, both of them included, and ends with what there is", () => {
    const layers = drawCandidates([{ key: "layers", low: 2, high: 5, isWhole: true }], 100, 0);
    expect(layers.map(({ name }) => name).sort()).toEqual(["layers-2", "layers-3", "layers-4", "layers-5"]);
    expect(drawCandidates([values("a", 1, 2), values("b", 1, 2)], 9, 0)).toHaveLength(4);
  });
});

describe("planRungs", () => {
  it.each([
    [
      9,
      90,
      3,
      [
        [10, 9],
        [30, 3],
        [90, 1],
      ],
    ],
    [
      4,
      16,
      2,
      [
        [4, 4],
        [8, 2],
        [16, 1],
      ],
    ],
    [
      5,
      100,
      2,
      [
        [25, 5],
        [50, 2],
        [100, 1],
      ],
    ],
    [2, 100, 3, [[100, 2]]],
    [
      27,
      4,
      3,
      [
        [1, 27],
        [4, 9],
      ],
    ],
    [
      243,
      243,
      3,
      [
        [1, 243],
        [3, 81],
        [9, 27],
        [27, 9],
        [81, 3],
        [243, 1],
      ],
    ],
  ])("%i trials of %i steps by %i", (trials, steps, reduction, expected) => {
    expect(planRungs(trials, steps, reduction).map((rung) => [rung.steps, rung.trials])).toEqual(expected);
  });

  it("ascends to the last step, cuts at evaluations of the first rung's distance, and always leaves one", () => {
    const sizes = fc.tuple(
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 2, max: 5 }),
    );
    fc.assert(
      fc.property(sizes, ([trials, steps, reduction]) => {
        const rungs = planRungs(trials, steps, reduction);
        expect(rungs[0]!.trials).toBe(trials);
        expect(rungs.at(-1)!.steps).toBe(steps);
        expect(rungs.at(-1)!.trials).toBeGreaterThan(0);
        for (const [i, rung] of rungs.slice(0, -1).entries()) {
          expect(rung.steps % rungs[0]!.steps).toBe(0);
          expect(rungs[i + 1]!.steps).toBeGreaterThan(rung.steps);
          expect(rungs[i + 1]!.trials).toBeLessThan(rung.trials);
        }
      }),
    );
  });
});

describe("keepBest", () => {
  it("keeps the lowest losses in the order given, the first of equals, and nothing without a loss", () => {
    const losses = [3, 1, Number.NaN, 2, undefined, 1];
    expect(keepBest([0, 1, 2, 3, 4, 5], (i) => losses[i], 3)).toEqual([1, 3, 5]);
    expect(keepBest([0, 1, 5], (i) => losses[i], 1)).toEqual([1]);
    expect(keepBest([2, 4], (i) => losses[i], 2)).toEqual([]);
  });
});
