/** @file What a report says of its teacher: in words, and as a section of the page that no text can break. */

import { describe, expect, it } from "vitest";
import { exampleReport } from "../../test/support/example-report.js";
import { measureCalibration } from "../evaluate/calibration.js";
import type { Rival, TeacherWorth } from "../evaluate/teacher-worth.js";
import { warnAboutTeacher } from "../recipes/teacher-worth.js";
import { reportHtml } from "./html.js";
import { reportText } from "./terminal.js";
import { worthSummary } from "./worth-text.js";

const rival = (name: Rival["name"], loss: number, low: number, high: number): Rival => ({
  name,
  loss,
  lead: { value: loss - 4.5, low, high },
  documentsAhead: name === "student-after" ? 7 : 0,
  examples:
    name === "student-after"
      ? [
          {
            teacherLoss: 5.2,
            rivalLoss: 4.9,
            tokens: 255,
            text: "<b>Fellow</b>\ncitizens",
            origin: { file: "a.jsonl", line: 3 },
          },
        ]
      : [],
});

const worth: TeacherWorth = {
  tokens: 251_881,
  documents: 984,
  loss: { value: 4.5, low: 4.4, high: 4.6 },
  calibration: measureCalibration([0.9, 0.9, 0.3, 0.2], [1, 1, 0, 0])!,
  rivals: [
    rival("unigram", 6.6, 2, 2.2),
    rival("student-before", 4.52, -0.01, 0.05),
    rival("student-after", 4.4, -0.2, -0.05),
  ],
};

describe("worthSummary", () => {
  it("names those that the teacher is clearly ahead of, and those that it is not", () => {
    expect(worthSummary(worth)).toMatchInlineSnapshot(
      `"The teacher is ahead of a unigram (2.10) in nats per token. The teacher is not clearly ahead of the student before training (0.020), the student after training (−0.100) in nats per token. Its likeliest token is right at 50.0 % where it expects 57.5 % (calibration error 17.5 %)."`,
    );
  });

  it("fits the terminal's report", () => {
    const lines = reportText({ ...exampleReport, teacherWorth: worth }).split("\n");
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    expect(lines.join(" ")).toContain("The teacher is ahead of a unigram");
  });
});

describe("warnAboutTeacher", () => {
  it("warns beside the student's start and the unigram alone, where the lead may be chance", () => {
    expect(warnAboutTeacher(worth)).toMatchInlineSnapshot(`
      [
        {
          "code": "teacher-not-better-than-student",
          "message": "The teacher is not clearly better than the student before training: 4.50 against 4.52 nats per held-out token (lead 0.020, 95 % interval −0.010 to 0.050). It should not teach this data.",
        },
      ]
    `);
    expect(warnAboutTeacher({ ...worth, rivals: [rival("unigram", 4.4, -0.2, 0)] })[0]!.code).toBe(
      "teacher-not-better-than-unigram",
    );
    expect(warnAboutTeacher(null)).toEqual([]);
  });
});

describe("the page of a report", () => {
  it("has the rivals, the reliability diagram and examples, and lets no text become markup", () => {
    const page = reportHtml({ ...exampleReport, teacherWorth: worth });
    const section = page.slice(page.indexOf("Is the teacher any good?"), page.indexOf("Over training"));
    expect(section).toContain("not clearly ahead");
    expect(section).toContain("7 of 984");
    expect(section.match(/<rect class="teacher bin"/g)).toHaveLength(3);
    expect(section).toContain("&lt;b&gt;Fellow&lt;/b&gt;↵ citizens");
    expect(section).not.toContain("<b>Fellow");
  });

  it("leaves the section out without a teacher", () => {
    expect(reportHtml(exampleReport)).not.toContain("Is the teacher any good?");
  });
});
