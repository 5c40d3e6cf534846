/** @file How well texts are put into their classes. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareAnswers, softmax } from "./class-probabilities.js";
import { likeliestClasses, measureClasses } from "./classification.js";

/** Answers of three texts about two classes. */
const answers = { classes: 2, probabilities: Float64Array.of(0.9, 0.1, 0.4, 0.6, 0.7, 0.3) };

describe("measureClasses", () => {
  it("counts what is put where, and leaves texts without a label out", () => {
    const quality = measureClasses(answers, Int32Array.of(0, 0, -1))!;
    expect(quality.texts).toBe(2);
    expect(quality.confusion).toEqual([
      [1, 1],
      [0, 0],
    ]);
    expect(quality.accuracy.value).toBe(0.5);
    expect(quality.perClass[0]).toEqual({ precision: 1, recall: 0.5, f1: 2 / 3 });
    expect(quality.perClass[1]).toEqual({ precision: 0, recall: null, f1: 0 });
    expect(quality.macroF1.value).toBeCloseTo(1 / 3, 12);
    expect(quality.crossEntropy.value).toBeCloseTo(-(Math.log(0.9) + Math.log(0.4)) / 2, 12);
    expect(quality.calibration.expectedError).toBeCloseTo((0.1 + 0.6) / 2, 12);
  });

  it("is null where no text has a label", () => {
    expect(measureClasses(answers, Int32Array.of(-1, -1, -1))).toBeNull();
  });

  it("does not count a class that neither stands in the labels nor was answered", () => {
    const three = { classes: 3, probabilities: Float64Array.of(0.8, 0.2, 0, 0.1, 0.9, 0) };
    const quality = measureClasses(three, Int32Array.of(0, 1))!;
    expect(quality.perClass[2]!.f1).toBeNull();
    expect(quality.macroF1.value).toBe(1);
  });
});

describe("compareAnswers", () => {
  it("finds no distance between a model and itself, and never a negative one", () => {
    const rows = fc.array(fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 3, maxLength: 3 }), {
      minLength: 1,
      maxLength: 5,
    });
    const toAnswers = (logits: readonly (readonly number[])[]) => ({
      classes: 3,
      probabilities: Float64Array.from(logits.flatMap((row) => [...softmax(row)])),
    });
    fc.assert(
      fc.property(rows, rows, (a, b) => {
        const length = Math.min(a.length, b.length);
        const [teacher, model] = [toAnswers(a.slice(0, length)), toAnswers(b.slice(0, length))];
        expect(compareAnswers(teacher, teacher).kl!.value).toBeCloseTo(0, 12);
        expect(compareAnswers(teacher, teacher).agreement!.value).toBe(1);
        expect(compareAnswers(teacher, model).kl!.value).toBeGreaterThanOrEqual(-1e-12);
      }),
      { seed: 20261128 },
    );
  });
});

describe("likeliestClasses", () => {
  it("takes the first of equals", () => {
    expect([...likeliestClasses({ classes: 2, probabilities: Float64Array.of(0.5, 0.5) })]).toEqual([0]);
  });
});
