/**
 * @file Is the teacher any good? What it knows of the held-out rows beside those whom it should be ahead of, how far its
 * confidence can be believed, and where it is behind.
 *
 * @see Omar & Gholami 2023, "Can a student large language model perform as well as its teacher?" (arXiv:2310.02421), on the
 *   calibre of the teacher.
 */

import type { Tokenizer } from "../data/tokenizer.js";
import type { TransferDocument } from "../data/transfer-set.js";
import { type Calibration, measureCalibration } from "./calibration.js";
import { type BatchScores, scoresOfTeacher } from "./score-batches.js";
import { type Estimate, estimateMean, mean, sumByCluster } from "./statistics.js";
import { clusterOf } from "./summarize-model.js";
import type { Unigram } from "./unigram.js";

/** The teacher on held-out rows. All losses in nats per token. */
export interface TeacherWorth {
  /** Scored tokens. */
  readonly tokens: number;
  readonly documents: number;
  readonly loss: Estimate;
  /** Of the teacher's likeliest next token. */
  readonly calibration: Calibration;
  /** Those who know less, one hopes. */
  readonly rivals: readonly Rival[];
}

export type RivalName = "unigram" | "student-before" | "student-after" | "twin";

/** Somebody beside whom the teacher is measured, on the same tokens. */
export interface Rival {
  readonly name: RivalName;
  readonly loss: number;
  /** The rival's loss minus the teacher's, resampled in pairs: above 0 the teacher knows more. */
  readonly lead: Estimate;
  /** Documents on which the rival's loss is the lower one. */
  readonly documentsAhead: number;
  /** Those of them on which it is lower by most, that first. */
  readonly examples: readonly WorthExample[];
}

/** A document that the rival knows better than the teacher. */
export interface WorthExample {
  readonly teacherLoss: number;
  readonly rivalLoss: number;
  readonly tokens: number;
  /** How it begins; empty without a tokenizer. */
  readonly text: string;
  readonly origin: { readonly file: string; readonly line: number };
}

const exampleCount = 3;
const exampleTokens = 40;

export interface WorthInput {
  /** A student's scores beside the teacher's. */
  readonly scores: BatchScores;
  readonly heldOut: readonly TransferDocument[];
  readonly unigram: Unigram;
  /** Students by their parts, scored on the same rows. */
  readonly students: Readonly<Partial<Record<Exclude<RivalName, "unigram">, BatchScores>>>;
  readonly tokenizer: Tokenizer | undefined;
}

/** Measures a teacher by scores that are there already; null where no token was scored. */
export function measureWorth({ scores, heldOut, unigram, students, tokenizer }: WorthInput): TeacherWorth | null {
  const { teacherBestLogProbs, documents, positions, count } = scores;
  if (!teacherBestLogProbs || count === 0) return null;
  const teacher = lossesOf(scoresOfTeacher(scores));
  const clusters = Int32Array.from(documents, clusterOf(heldOut));
  // The likeliest token is the text's where no other has more.
  const hits = teacher.map((loss, row) => (-loss >= teacherBestLogProbs[row]! ? 1 : 0));
  const calibration = measureCalibration(teacherBestLogProbs.map(Math.exp), hits);
  const loss = estimateMean(teacher, clusters);
  if (!calibration || !loss) return null;
  const guesses = Float32Array.from(documents, (document, row) => {
    return -unigram(heldOut[document]!.student.ids[positions[row]!]!);
  });
  const losses: (readonly [RivalName, Float32Array])[] = [["unigram", guesses]];
  for (const name of ["student-before", "student-after", "twin"] as const) {
    const student = students[name];
    if (student) losses.push([name, lossesOf(student)]);
  }
  const rivals = losses.map(([name, rival]): Rival => {
    const lead = estimateMean(
      rival.map((each, row) => each - teacher[row]!),
      clusters,
    )!;
    const ahead = documentsAhead(teacher, rival, documents, heldOut);
    const examples = ahead.slice(0, exampleCount).map((each) => describe(each, heldOut, tokenizer));
    return { name, loss: mean(rival), lead, documentsAhead: ahead.length, examples };
  });
  return { tokens: count, documents: new Set(documents).size, loss, calibration, rivals };
}

/** Whether the teacher is ahead by more than chance: its lead's interval is above 0, or its value where there is none. */
export function isClearlyAhead({ lead }: { readonly lead: Estimate }): boolean {
  return (lead.low ?? lead.value) > 0;
}

function lossesOf({ targetLogProbs }: BatchScores): Float32Array {
  return targetLogProbs.map((logProb) => -logProb);
}

interface DocumentLosses {
  readonly document: number;
  readonly tokens: number;
  readonly teacherLoss: number;
  readonly rivalLoss: number;
}

/** Documents on which the rival's mean loss is lower, the widest gap first. */
function documentsAhead(
  teacher: Float32Array,
  rival: Float32Array,
  documents: Int32Array,
  heldOut: readonly TransferDocument[],
): readonly DocumentLosses[] {
  const sums = (values: ArrayLike<number>) => sumByCluster(values, documents, heldOut.length);
  const [tokens, taught, known] = [sums(teacher.map(() => 1)), sums(teacher), sums(rival)];
  return Array.from(tokens, (count, document) => ({
    document,
    tokens: count,
    teacherLoss: taught[document]! / count,
    rivalLoss: known[document]! / count,
  }))
    .filter(({ rivalLoss, teacherLoss }) => rivalLoss < teacherLoss)
    .sort((a, b) => a.rivalLoss - a.teacherLoss - (b.rivalLoss - b.teacherLoss));
}

function describe(
  { document, tokens, teacherLoss, rivalLoss }: DocumentLosses,
  heldOut: readonly TransferDocument[],
  tokenizer: Tokenizer | undefined,
): WorthExample {
  const { student, origin } = heldOut[document]!;
  const first = Math.max(0, student.responseMask.indexOf(1) - 1);
  const text = tokenizer?.decode(student.ids.subarray(first, first + exampleTokens)) ?? "";
  return { teacherLoss, rivalLoss, tokens, text, origin: { file: origin.file, line: origin.line } };
}
