/** @file A teacher's loss and calibration, and a unigram's, are PyTorch's. Golden: test/golden/scripts/make_worth.py. */

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TransferDocument } from "../../src/data/index.js";
import { type BatchScores, packBatches } from "../../src/evaluate/score-batches.js";
import { scoreModel } from "../../src/evaluate/score-model.js";
import { isClearlyAhead, measureWorth, type TeacherWorth } from "../../src/evaluate/teacher-worth.js";
import { trainUnigram } from "../../src/evaluate/unigram.js";
import type { LocalTeacher } from "../../src/teachers/local-teacher.js";
import { loadModelFolder } from "../../src/weights/load-model.js";
import { golden } from "../support/limbeck.js";
import { teacherOf } from "../support/one-step.js";

interface Row {
  readonly tokenIds: readonly number[];
  readonly responseMask: readonly number[];
}

interface Golden {
  readonly teacher: string;
  readonly student: string;
  readonly train: readonly Row[];
  readonly heldOut: readonly Row[];
  readonly losses: Record<"teacher" | "student" | "unigram", number>;
  readonly calibration: {
    readonly expectedError: number;
    readonly confidence: number;
    readonly accuracy: number;
    readonly counts: readonly number[];
  };
}

const expected = JSON.parse(readFileSync(`${golden}worth.json`, "utf8")) as Golden;

function documentsOf(rows: readonly Row[]): readonly TransferDocument[] {
  return rows.map(({ tokenIds, responseMask }, row) => {
    const span = { ids: Int32Array.from(tokenIds), responseMask: Uint8Array.from(responseMask) };
    const responseTokens = responseMask.reduce((sum, learned) => sum + learned, 0);
    const origin = { file: "rows.jsonl", line: row + 1, row, key: row };
    return { student: span, teacher: span, responseTokens, responseBytes: undefined, origin };
  });
}

const heldOut = documentsOf(expected.heldOut);
let teacher: LocalTeacher;
let scores: BatchScores;
let worth: TeacherWorth;

beforeAll(async () => {
  teacher = await teacherOf(await loadModelFolder(`${golden}${expected.teacher}`));
  const student = await loadModelFolder(`${golden}${expected.student}`);
  // Several batches, packed, so that rows are out of the documents' order.
  const batches = packBatches(heldOut, { sequenceLength: 40, batchTokens: 40 });
  scores = await scoreModel(student, batches, { positionCount: 64, threads: 1, teacher });
  const unigram = trainUnigram(documentsOf(expected.train), student.shape.headWidth);
  const students = { "student-before": scores };
  worth = measureWorth({ scores, heldOut, unigram, students, tokenizer: undefined })!;
});
afterAll(() => teacher.dispose());

describe("measureWorth", () => {
  it("gives PyTorch's losses of teacher, unigram and student", () => {
    const losses = [worth.loss.value, ...worth.rivals.map(({ loss }) => loss)];
    const { teacher, unigram, student } = expected.losses;
    expect(worth.rivals.map(({ name }) => name)).toEqual(["unigram", "student-before"]);
    expect(losses).toBeAllClose([teacher, unigram, student], { relative: 1e-5 });
  });

  it("gives PyTorch's calibration error, confidence, accuracy and bins", () => {
    const { expectedError, confidence, accuracy, bins } = worth.calibration;
    const { calibration } = expected;
    expect(bins.map(({ count }) => count)).toEqual(calibration.counts);
    expect([expectedError, confidence, accuracy]).toBeAllClose(
      [calibration.expectedError, calibration.confidence, calibration.accuracy],
      { relative: 1e-5 },
    );
  });

  it("leads by the difference of the losses, and counts the documents on which it does not", () => {
    for (const rival of worth.rivals) expect(rival.lead.value).toBeCloseTo(rival.loss - worth.loss.value, 5);
    const byDocument = heldOut.map((_, document) => {
      const rows = Array.from(scores.documents.keys()).filter((row) => scores.documents[row] === document);
      const sum = (values: Float32Array) => rows.reduce((total, row) => total + values[row]!, 0);
      return sum(scores.targetLogProbs) - sum(scores.teacherTargetLogProbs!);
    });
    const student = worth.rivals[1]!;
    expect(student.documentsAhead).toBe(byDocument.filter((difference) => difference > 0).length);
  });

  it("is not clearly ahead of its equal, and is of one that knows nothing", () => {
    const swapped = { ...scores, targetLogProbs: scores.teacherTargetLogProbs! };
    const same = measureWorth({
      scores: swapped,
      heldOut,
      unigram: () => -100,
      students: { "student-before": swapped },
      tokenizer: undefined,
    })!;
    const [unigram, student] = same.rivals;
    expect(isClearlyAhead(unigram!)).toBe(true);
    expect(student!.lead.value).toBe(0);
    expect(isClearlyAhead(student!)).toBe(false);
  });
});
