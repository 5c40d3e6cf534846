/** @file Whether a run's teacher should teach: measured before the first step on a sample of held-out rows, and in the report on all. */

import type { TransferDocument } from "../data/transfer-set.js";
import { type BatchScores, packBatches } from "../evaluate/score-batches.js";
import { type ScoreModelOptions, scoreModel } from "../evaluate/score-model.js";
import { isClearlyAhead, measureWorth, type RivalName, type TeacherWorth } from "../evaluate/teacher-worth.js";
import { trainUnigram } from "../evaluate/unigram.js";
import { rivalNames, worthSentence } from "../report/worth-text.js";
import { widestBatch } from "../training/train-student.js";
import { compileTeacher } from "./compile-teacher.js";
import type { CommonConfig, RunParts } from "./run-parts.js";
import { sampleDocuments } from "./student-from-teacher.js";

/** Held-out tokens on which a teacher is measured before it teaches. */
const sampleTokens = 2048;

/** A teacher's worth by scores that are there; null where it has none of its own, and where it wrote the responses: on its own words every teacher is right. */
export function worthOf(
  { data, student, context }: Pick<RunParts, "data" | "student" | "context">,
  heldOut: readonly TransferDocument[],
  students: Readonly<Record<"student-before", BatchScores>> & Readonly<Partial<Record<RivalName, BatchScores>>>,
): TeacherWorth | null {
  if (context?.writing) return null;
  const unigram = trainUnigram(data.train, student.model.shape.headWidth);
  return measureWorth({ scores: students["student-before"], heldOut, unigram, students, tokenizer: student.tokenizer });
}

/** Measures the teacher beside the student's start on a sample; null without a teacher, and where no row is held out. */
export async function sampleWorth(
  { data: { sequenceLength }, training }: Pick<CommonConfig, "data" | "training">,
  parts: Pick<RunParts, "data" | "student" | "teacher">,
  options: Pick<ScoreModelOptions, "threads" | "signal">,
): Promise<TeacherWorth | null> {
  const { teacher, student, data } = parts;
  const sample = sampleDocuments(data.heldOut, sampleTokens);
  if (!teacher || sample.length === 0) return null;
  const batches = packBatches(sample, { sequenceLength, batchTokens: training.microBatchTokens });
  const positionCount = widestBatch(sample, sequenceLength);
  const localTeacher = await compileTeacher(teacher, { positionCount, threads: options.threads });
  try {
    const scored = { ...options, positionCount, teacher: localTeacher };
    return worthOf(parts, sample, { "student-before": await scoreModel(await student.start(), batches, scored) });
  } finally {
    await localTeacher.dispose();
  }
}

/** Those before whom a teacher has to be, or it should not teach. */
const mustBeat = ["unigram", "student-before"] as const;

/** A warning for each of those that the teacher is not clearly ahead of. */
export function warnAboutTeacher(
  worth: TeacherWorth | null,
): readonly { readonly code: string; readonly message: string }[] {
  const rivals = worth?.rivals.filter((rival) => !isClearlyAhead(rival)) ?? [];
  return mustBeat.flatMap((name) => {
    const rival = rivals.find((each) => each.name === name);
    if (!rival) return [];
    const message = `${worthSentence(worth!, rival)} It should not teach this data.`;
    return [{ code: `teacher-not-better-than-${rivalNames[name].code}`, message }];
  });
}
