import { describe, expect, it } from "vitest";
import { lossInputSchema } from "./loss-input.js";

const good = {
  teacher: { logits: [[1, 2, 3]] },
  student: { logits: [[3, 2, 1]] },
  targetIds: [2],
  objective: { soft: { temperature: 2 }, hard: { weight: 0.5 } },
};

/** Each problem as "path: message". */
function complaints(input: unknown): string[] {
  const parsed = lossInputSchema.safeParse(input);
  return (parsed.error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("lossInputSchema", () => {
  it("accepts logits, probabilities and the teacher's top k", () => {
    expect(complaints(good)).toEqual([]);
    expect(complaints({ ...good, student: { probabilities: [[0.2, 0.3, 0.5]] } })).toEqual([]);
    const topK = { ids: [[2, 0]], logProbs: [[-0.4, -1.5]], logNormalizers: { "2": [0.1] } };
    expect(complaints({ ...good, teacher: { topK } })).toEqual([]);
  });

  it("needs a teacher and targets only for the terms that look at them", () => {
    const { teacher, targetIds, ...rest } = good;
    expect(complaints({ ...rest, targetIds, objective: { hard: {} } })).toEqual([]);
    expect(complaints({ ...rest, teacher, objective: { soft: {} } })).toEqual([]);
    expect(complaints(rest)).toEqual([
      "teacher: missing; expected logits, probabilities, topK or mixture",
      "targetIds: missing; expected one id per row, which the cross-entropy term needs",
    ]);
  });

  it("lists every table and list that has another size than it must", () => {
    const input = {
      ...good,
      teacher: { logits: [[1, 2], [1, 2, 3]] }, // biome-ignore format: a ragged table reads best on one line
      targetIds: [],
      responseMask: [1, 1],
    };
    expect(complaints(input)).toEqual([
      "teacher.logits: expected 1 entries, got 2",
      "teacher.logits.1: expected 2 entries, got 3",
      "responseMask: expected 1 entries, got 2",
      "targetIds: expected 1 entries, got 0",
    ]);
  });

  it("checks the ids of counted rows only", () => {
    const input = {
      ...good,
      student: {
        logits: [
          [1, 2, 3],
          [1, 2, 3],
        ],
      },
      teacher: {
        logits: [
          [1, 2, 3],
          [1, 2, 3],
        ],
      },
    };
    expect(complaints({ ...input, targetIds: [0, -100], responseMask: [1, 0] })).toEqual([]);
    expect(complaints({ ...input, targetIds: [3, -100] })).toEqual([
      "targetIds.0: expected an id from 0 to 2, got 3",
      "targetIds.1: expected an id from 0 to 2, got -100",
    ]);
  });

  it("refuses probabilities that do not sum to 1, and two ways of saying the same", () => {
    const student = { probabilities: [[0.2, 0.3, 0.1]], logits: [[1, 2, 3]] };
    expect(complaints({ ...good, student })).toEqual([
      "student: expected one of logits, probabilities, got logits and probabilities",
      "student.probabilities.0: expected a sum of 1, got 0.6",
    ]);
  });

  it("never guesses the normalizer of a re-tempered top k", () => {
    const topK = { ids: [[2, 2]], logProbs: [[0.4, -1.5]] };
    expect(complaints({ ...good, teacher: { topK } })).toEqual([
      "teacher.topK.ids.0: expected distinct ids, got one twice",
      expect.stringContaining("teacher.topK.logProbs.0: expected probabilities that sum to at most 1, got 1.7"),
      expect.stringContaining("teacher.topK.logNormalizers.2: missing for temperature 2"),
    ]);
  });
});
