/** @file The terminal table within its 80 columns, and what a report claims in words. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exampleReport, pretrainReport, withGain } from "../../test/support/example-report.js";
import { compareWithTwin, conclusionSentences, headline } from "./conclusion.js";
import type { Report } from "./report.js";
import { reportText, sparkline } from "./terminal.js";

describe("reportText", () => {
  it("prints the table, the course of the held-out KL and the conclusion", () => {
    expect(reportText(exampleReport)).toMatchInlineSnapshot(`
      "         params    perplexity             KL    top-1   bits  speed     size
                                        nats/token    agree  /byte  tok/s
      ────────────────────────────────────────────────────────────────────────────
      teacher   7.92M    94.1 ± 5.6              –        –   1.51  11.2k  15.8 MB
      before    1.31M     4,168 ± 8    3.71 ± 0.06  < 0.1 %   2.78  46.1k  5.26 MB
      student   1.31M   161.2 ± 8.6  0.613 ± 0.014   51.3 %   1.69  46.3k  5.26 MB
      twin      1.31M  207.4 ± 10.7  0.932 ± 0.021   42.2 %   1.78  46.3k  5.26 MB

      held-out KL  █▄▃▂▁▁▁  3.71 to 0.613 nats per token

      The student is 6 times smaller than its teacher and 4.1 times faster; it closes
      31.8 % of its twin's gap to the teacher.
      "
    `);
  });

  it("leaves out what a run without a teacher does not have", () => {
    const text = reportText(pretrainReport);
    expect(text).not.toContain("teacher");
    expect(text).not.toContain("held-out KL");
    expect(text).toContain("The student went from a perplexity of 4,168 to 161.2.");
  });

  it("fits 80 columns, whatever the numbers", () => {
    const perplexities = fc.double({ min: 1, max: 1e9, noNaN: true });
    const divergences = fc.double({ min: 1e-6, max: 50, noNaN: true });
    const counts = fc.double({ min: 1, max: 1e12, noNaN: true });
    const within = (value: number) => ({ value, low: value * 0.9, high: value * 1.1 });
    fc.assert(
      fc.property(perplexities, divergences, counts, (perplexity, kl, count) => {
        const models = exampleReport.models.map((model) => ({
          ...model,
          perplexity: within(perplexity),
          klFromTeacher: { mean: within(kl), median: kl, p99: kl },
          parameters: Math.round(count),
          tokensPerSecond: count,
          bytesOnDisk: Math.round(count),
        }));
        for (const line of reportText({ ...exampleReport, models }).split("\n")) {
          expect(line.length, line).toBeLessThanOrEqual(80);
        }
      }),
    );
  });
});

describe("sparkline", () => {
  it("goes from the lowest block to the highest", () => {
    expect(sparkline([8, 4, 2, 1])).toBe("█▄▂▁");
    expect(sparkline([2, 2])).toBe("▁▁");
  });
});

describe("the teacher's precision", () => {
  it("is stated with its cost and the tokens it was measured on, where it is not float32", () => {
    const klFromFloat32 = { value: 0.0112, low: 0.01, high: 0.013 };
    const top1Agreement = { value: 0.935, low: 0.92, high: 0.95 };
    const report: Report = {
      ...exampleReport,
      teacherPrecision: { precision: "int8", klFromFloat32, top1Agreement, tokens: 2136 },
    };
    const sentence = conclusionSentences(report).at(-1);
    expect(sentence).toContain("The teacher computed in int8: 0.011 nats per token from itself in float32");
    expect(sentence).toContain("measured on 2,136 held-out tokens.");
    expect(reportText(report)).toContain("The teacher computed in int8");
    expect(reportText(exampleReport)).not.toContain("computed in");
  });
});

describe("the conclusion", () => {
  const lastSentence = (report: Report) => conclusionSentences(report).at(-1);

  it("measures the gap between twin and teacher in nats per token", () => {
    const { verdict, gapClosed } = compareWithTwin(exampleReport)!;
    expect(verdict).toBe("better");
    expect(gapClosed).toBeCloseTo(0.2515 / Math.log(207.35 / 94.132), 12);
    expect(lastSentence(exampleReport)).toContain(
      "it gains 0.252 nats per token (95 % interval 0.241 to 0.262): 31.8 %",
    );
  });

  it("says that the teacher did not help where the student is worse than its twin", () => {
    const report = withGain(-0.12, -0.19, -0.05);
    expect(lastSentence(report)).toContain("It is worse than its twin");
    expect(lastSentence(report)).toContain("by 0.120 nats per token");
    expect(reportText(report)).toContain("worse than its twin by 0.120 nats per token");
  });

  it("claims nothing where the interval of the gain holds 0", () => {
    const report = withGain(0.01, -0.02, 0.04);
    expect(lastSentence(report)).toContain("cannot be told apart from its twin");
    expect(reportText(report)).not.toContain("closes");
  });

  it("claims nothing from a single row", () => {
    const report = withGain(0.2, null, null);
    expect(compareWithTwin(report)!.verdict).toBe("undecided");
    expect(lastSentence(report)).toContain("may be chance (no interval from a single row)");
  });

  it("says where the student passes the teacher, and where there was no gap", () => {
    expect(lastSentence(withGain(0.9, 0.8, 1))).toContain(": all of the gap between twin and teacher.");
    const teacherIsWorst = exampleReport.models.map((model) =>
      model.role === "teacher" ? { ...model, perplexity: { value: 900, low: null, high: null } } : model,
    );
    expect(lastSentence({ ...exampleReport, models: teacherIsWorst })).toContain("there was no gap to close");
  });

  it("says what is not known without a twin", () => {
    const models = exampleReport.models.filter(({ role }) => role !== "twin");
    expect(lastSentence({ ...exampleReport, models, gainOverTwin: null })).toContain("No twin was trained");
  });

  it("calls a larger, slower student larger and slower", () => {
    const models = exampleReport.models.map((model) =>
      model.role === "teacher" ? { ...model, parameters: 656_448, tokensPerSecond: 92_600 } : model,
    );
    expect(conclusionSentences({ ...exampleReport, models })[0]).toBe(
      "The student is 2 times larger than its teacher and 2 times slower.",
    );
  });

  it("calls a student of the teacher's shape as large and as fast", () => {
    const models = exampleReport.models.map((model) =>
      model.role === "teacher" ? { ...model, parameters: 1_312_896, tokensPerSecond: 46_000 } : model,
    );
    expect(conclusionSentences({ ...exampleReport, models })[0]).toBe(
      "The student is as large as its teacher and as fast.",
    );
  });

  it("names both models", () => {
    expect(headline(exampleReport)).toBe("sotu-teacher, distilled into sotu-student");
    expect(headline(pretrainReport)).toBe("sotu-student, trained without a teacher");
  });
});
