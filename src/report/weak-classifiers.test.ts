/** @file What a weak-to-strong run of classifiers shows and says, in the terminal and on the page. */

import { describe, expect, it } from "vitest";
import { exampleReport } from "../../test/support/example-report.js";
import type { ClassQuality } from "../evaluate/classification.js";
import type { Estimate } from "../evaluate/statistics.js";
import type { ClassificationReport, ClassModelReport } from "./classification.js";
import { reportHtml } from "./html.js";
import type { Report } from "./report.js";
import { reportText } from "./terminal.js";
import type { TaughtClassifier, WeakClassifiersReport } from "./weak-classifiers.js";
import { weakClassifiersSentences } from "./weak-classifiers-words.js";

const about = (value: number, half: number): Estimate => ({ value, low: value - half, high: value + half });
const agreement = { all: about(0.82, 0.02), weakIsRight: about(0.9, 0.02), weakIsWrong: about(0.4, 0.1) };

function student(weakWeight: TaughtClassifier["weakWeight"], accuracy: number, recovered: number): TaughtClassifier {
  return {
    name: `weight ${String(weakWeight)}`,
    path: "weight/student",
    weakWeight,
    accuracy: about(accuracy, 0.02),
    macroF1: about(accuracy, 0.03),
    agreement,
    recovered: about(recovered, 0.1),
  };
}

const weakToStrong: WeakClassifiersReport = {
  trainingRows: 1200,
  groundTruthRows: 60,
  weakTrainingRows: 40,
  texts: 300,
  weakMistakes: 60,
  weak: { name: "the weak teacher", path: "weak/student", accuracy: about(0.8, 0.02), macroF1: about(0.78, 0.03) },
  ceiling: {
    name: "the ceiling",
    path: "ceiling/student",
    accuracy: about(0.95, 0.02),
    macroF1: about(0.94, 0.03),
    agreement: { ...agreement, weakIsWrong: about(0.1, 0.05) },
  },
  gap: about(0.15, 0.03),
  students: [student(1, 0.9, 2 / 3), student(0, 0.85, 1 / 3), student(0.5, 0.88, 8 / 15)],
};

const split = { rows: 1, labelled: 1, cut: 0, cutForTeacher: 0, dropped: 0, perClass: [1, 0] };
const model: ClassModelReport = {
  role: "student-after",
  name: "student",
  parameters: 1000,
  bytesOnDisk: 4000,
  milliseconds: { median: 1, p95: 2 },
  quality: {
    texts: 300,
    accuracy: about(0.9, 0.02),
    macroF1: about(0.9, 0.03),
    crossEntropy: about(0.3, 0.01),
    calibration: { expectedError: 0.02, bins: [] } as unknown as ClassQuality["calibration"],
    confusion: [
      [140, 10],
      [20, 130],
    ],
    perClass: [
      { precision: 0.9, recall: 0.9, f1: 0.9 },
      { precision: 0.9, recall: 0.9, f1: 0.9 },
    ],
  },
  agreement: about(0.82, 0.02),
  klFromTeacher: about(0.1, 0.01),
};

function reportWith(weak: WeakClassifiersReport): Report {
  const classification: ClassificationReport = {
    classes: ["ham", "spam"],
    data: { train: split, heldOut: split },
    teacher: { kind: "classifier" },
    models: [model],
    gainOverTwin: null,
    weakToStrong: weak,
  };
  return { ...exampleReport, classification };
}

describe("the report of a weak-to-strong run of classifiers", () => {
  it("has a line per model in the terminal, within 80 columns", () => {
    const lines = reportText(reportWith(weakToStrong)).split("\n");
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    const cells = lines.map((line) => line.split(/ {2,}/));
    expect(cells).toContainEqual(["weak teacher", "80.0 ± 2.0 %", "0.780"]);
    expect(cells).toContainEqual(["student, λ = 0", "85.0 ± 2.0 %", "0.850", "33.3 %", "82.0 %", "40.0 %"]);
    expect(cells).toContainEqual(["the student, λ = 1", "90.0 ± 2.0 %", "0.900", "66.7 %", "82.0 %", "40.0 %"]);
    expect(cells).toContainEqual(["ceiling", "95.0 ± 2.0 %", "0.940", "82.0 %", "10.0 %"]);
  });

  it("says what was recovered, and whose mistakes were repeated", () => {
    expect(weakClassifiersSentences(weakToStrong)).toEqual([
      "Of the gap in accuracy (80.0 % for the weak teacher, 95.0 % for the ceiling) the student recovers 66.7 %, 95 % interval " +
        "56.7 % to 76.7 %.",
      "Where the weak teacher is wrong (60 of 300 texts) the student repeats its mistake in 40.0 %, 95 % interval 30.0 % to 50.0 %, " +
        "the ceiling in 10.0 %; where it is right the student agrees in 90.0 %.",
      "60 of the student's 1,200 training rows had ground truth.",
    ]);
    expect(reportText(reportWith(weakToStrong))).not.toContain("No twin was trained");
  });

  it("says nothing of mistakes where there are none", () => {
    const perfect = { ...agreement, weakIsWrong: null };
    const { ceiling, students } = weakToStrong;
    const [, mistakes] = weakClassifiersSentences({
      ...weakToStrong,
      weakMistakes: 0,
      ceiling: { ...ceiling, agreement: perfect },
      students: students.map((each) => ({ ...each, agreement: perfect })),
    });
    expect(mistakes).toBe("The weak teacher puts every held-out text with a label into its class.");
  });

  it("draws accuracy and repeated mistakes over λ on the page, a scheduled λ in the table only", () => {
    const scheduled = { from: 2, to: 0, schedule: "linear", after: 0, fraction: 1 } as const;
    const students = [...weakToStrong.students, student(scheduled, 0.91, 0.7)];
    const page = reportHtml(reportWith({ ...weakToStrong, students }));
    expect(page).toContain('id="weak-to-strong-accuracy-title"');
    expect(page).toContain('id="weak-to-strong-mistakes-title"');
    expect(page).toContain("Student at λ = 2 → 0");
    expect(page).not.toContain("λ = 2 → 0: ");
    expect(page).toContain("taught by the weaker");
  });
});
