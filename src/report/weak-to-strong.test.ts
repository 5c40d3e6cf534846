/** @file What a weak-to-strong run shows and says, in the terminal and on the page. */

import { describe, expect, it } from "vitest";
import { exampleReport } from "../../test/support/example-report.js";
import type { Estimate } from "../evaluate/statistics.js";
import { reportHtml } from "./html.js";
import { reportText } from "./terminal.js";
import type { TaughtStudent, WeakToStrongReport } from "./weak-to-strong.js";
import { weakToStrongSentences } from "./weak-to-strong-words.js";

const about = (value: number, half: number): Estimate => ({ value, low: value - half, high: value + half });

function student(weakWeight: TaughtStudent["weakWeight"], loss: number, recovered: number): TaughtStudent {
  return {
    name: `weight ${String(weakWeight)}`,
    path: "weight/student",
    weakWeight,
    loss: about(loss, 0.1),
    accuracy: about(0.2, 0.01),
    recovered: { loss: about(recovered, 0.05), accuracy: null },
  };
}

const weakToStrong: WeakToStrongReport = {
  trainingRows: 200,
  groundTruthRows: 20,
  weak: { name: "the weak teacher", path: "weak/student", loss: about(5, 0.1), accuracy: about(0.22, 0.01) },
  ceiling: { name: "the ceiling", path: "ceiling/student", loss: about(4, 0.1), accuracy: about(0.21, 0.01) },
  gap: { loss: about(1, 0.2), accuracy: about(-0.01, 0.02) },
  students: [student(1, 4.4, 0.6), student(0, 4.9, 0.1), student(0.5, 4.5, 0.5)],
};

describe("the report of a weak-to-strong run", () => {
  it("has a line per model in the terminal, within 80 columns", () => {
    const lines = reportText({ ...exampleReport, weakToStrong }).split("\n");
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    const cells = lines.map((line) => line.split(/ {2,}/));
    expect(cells).toContainEqual(["student, λ = 0", "4.90", "20.0 %", "10.0 %", "–"]);
    expect(cells).toContainEqual(["the student, λ = 1", "4.40", "20.0 %", "60.0 %", "–"]);
    expect(cells).toContainEqual(["weak teacher", "5.00", "22.0 %"]);
  });

  it("says what was recovered of a gap, and claims none where there is none", () => {
    expect(weakToStrongSentences(weakToStrong)).toEqual([
      "Of the gap in loss (5.00 nats per token for the weak teacher, 4.00 nats per token for the ceiling) the student recovers " +
        "60.0 %, 95 % interval 55.0 % to 65.0 %.",
      "In accuracy there is no gap to recover, and none is claimed: the ceiling, which is the same student on ground truth, is no " +
        "better than the weak teacher (22.0 % for the weak teacher, 21.0 % for the ceiling).",
      "20 of the student's 200 training rows had ground truth.",
    ]);
  });

  it("says that a gap may be chance, and that a student is worse than its weak teacher", () => {
    const none = { loss: { value: 0, low: null, high: null }, accuracy: null };
    const doubtful = {
      ...weakToStrong,
      groundTruthRows: 0,
      gap: { ...weakToStrong.gap, loss: about(0.1, 0.2) },
      students: [{ ...student(1, 5.5, 0), recovered: none }],
    };
    const [loss, , rows] = weakToStrongSentences(doubtful);
    expect(loss).toMatch(
      /the student is no better than its weak teacher and recovers nothing; the gap itself may be chance\.$/,
    );
    expect(rows).toBe("None of the student's 200 training rows had ground truth.");
  });

  it("draws loss and accuracy over λ on the page, a scheduled λ in the table only", () => {
    const scheduled = { from: 2, to: 0, schedule: "linear", after: 0, fraction: 1 } as const;
    const students = [...weakToStrong.students, student(scheduled, 4.3, 0.7)];
    const page = reportHtml({ ...exampleReport, weakToStrong: { ...weakToStrong, students } });
    expect(page).toContain('id="weak-to-strong-loss-title"');
    expect(page.match(/λ = 0\.5: /g)!.length).toBeGreaterThanOrEqual(2);
    expect(page).toContain("Student at λ = 2 → 0");
    expect(page).not.toContain("λ = 2 → 0: ");
    expect(page).toContain("taught by the weaker");
  });
});
