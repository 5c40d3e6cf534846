import { describe, expect, it } from "vitest";
import * as z from "zod";
import { temperaturesOf } from "./objective.js";
import { finalObjective, objectiveAt, objectiveSchema, temperedTerms } from "./options.js";
import { scheduledSchema, valueAt } from "./schedule.js";

const schema = scheduledSchema(z.number().nonnegative());
const series = (given: unknown, steps: number): number[] => {
  const scheduled = schema.parse(given);
  return Array.from({ length: steps }, (_, i) => valueAt(scheduled, i + 1, steps));
};

describe("a scheduled number", () => {
  it("is itself where it is a constant", () => {
    expect(series(0.3, 3)).toEqual([0.3, 0.3, 0.3]);
  });

  it("moves linearly over so many steps, and stays", () => {
    expect(series({ from: 0, to: 1, steps: 4 }, 6)).toEqual([0.25, 0.5, 0.75, 1, 1, 1]);
  });

  it("waits, and takes a share of the run's steps", () => {
    expect(series({ from: 2, to: 1, after: 2, fraction: 0.25 }, 8)).toEqual([2, 2, 1.5, 1, 1, 1, 1, 1]);
  });

  it("moves as half a cosine", () => {
    const root = Math.SQRT1_2 / 2;
    expect(series({ from: 0, to: 1, schedule: "cosine", steps: 4 }, 5)).toBeAllClose(
      [0.5 - root, 0.5, 0.5 + root, 1, 1],
      { relative: 1e-14 },
    );
  });

  it("jumps after so many steps where no length is given", () => {
    expect(series({ from: 0, to: 0.5, after: 2 }, 4)).toEqual([0, 0, 0.5, 0.5]);
  });

  it.each([
    [{ from: 0, to: 1, steps: 4, fraction: 0.5 }, "expected how long the change takes, steps or fraction, got both"],
    [{ from: 0, to: 1 }, "expected when it changes: steps or fraction, after, or both; got neither"],
  ])("refuses %j", (given, message) => {
    expect(schema.safeParse(given).error?.issues).toMatchObject([{ message }]);
  });

  it.each([
    { from: -1, to: 1, steps: 4 },
    { from: 0, to: 1, steps: 4, untill: 3 },
    { to: 1, steps: 4 },
  ])("refuses %j", (given) => {
    expect(schema.safeParse(given).success).toBe(false);
  });
});

describe("an objective whose weights change", () => {
  const objective = objectiveSchema.parse({
    soft: { weight: { from: 0, to: 1, fraction: 0.5 } },
    hard: { weight: 0.1 },
  });

  it("has the weights of each step, and ends with those of a long run", () => {
    const weights = (settled: ReturnType<typeof finalObjective>) => Object.values(settled).map(({ weight }) => weight);
    expect(weights(objectiveAt(objective, 1, 8))).toEqual([0.25, 0.1]);
    expect(weights(objectiveAt(objective, 8, 8))).toEqual([1, 0.1]);
    expect(weights(finalObjective(objective))).toEqual([1, 0.1]);
  });

  it("has the temperatures of each step, too", () => {
    const cooling = objectiveSchema.parse({ soft: { temperature: { from: 4, to: 1, steps: 3 } }, hard: {} });
    expect(objectiveAt(cooling, 1, 8)).toMatchObject({ soft: { temperature: 3, weight: 1 } });
    expect(finalObjective(cooling)).toMatchObject({ soft: { temperature: 1 } });
    expect(temperedTerms(cooling)).toEqual(["soft"]);
    expect(() => temperaturesOf(cooling)).toThrow("objective.soft.temperature: a top-k of the teacher holds");
    const jump = objectiveSchema.parse({ soft: { temperature: { from: 4, to: 2, after: 3 } }, hard: {} });
    expect(temperaturesOf(jump)).toEqual([4, 2]);
    expect(objectiveSchema.safeParse({ soft: { temperature: { from: 0, to: 1, steps: 3 } } }).success).toBe(false);
  });
});
