/** @file The held-out tokens at which student and teacher differ most, in their context, with both top-5 lists. */

import type { DistillationBatch, ResponseRows } from "../data/batch.js";
import { makeBatch } from "../data/make-batch.js";
import type { Tokenizer } from "../data/tokenizer.js";
import type { TransferDocument } from "../data/transfer-set.js";
import { InterruptedError } from "../errors.js";
import type { TeacherSource } from "../signals/teacher-signal.js";
import type { ModelWithWeights } from "../weights/load-model.js";
import { makeRowScorer, type TopTokens } from "./row-scores.js";
import type { BatchScores } from "./score-batches.js";

/** One token with what both models expected in its place. */
export interface TokenDifference {
  readonly before: string;
  readonly token: string;
  readonly after: string;
  /** Of the token in the student's view of its document, from 0. */
  readonly position: number;
  /** KL(teacher ‖ student) in nats. */
  readonly kl: number;
  readonly teacherTop: readonly { readonly text: string; readonly probability: number }[];
  readonly studentTop: readonly { readonly text: string; readonly probability: number }[];
  readonly origin: { readonly file: string; readonly line: number };
}

/** Tokens that a report lists. */
export const differingTokensShown = 24;
const tokensBefore = 40;
const tokensAfter = 12;
const topCount = 5;

/** The rows with the largest divergence, at most one per document, scored once more for their likeliest tokens. */
export async function findDifferingTokens(
  scores: BatchScores,
  heldOut: readonly TransferDocument[],
  student: ModelWithWeights,
  teacher: TeacherSource,
  tokenizer: Tokenizer,
  { threads, signal }: { readonly threads: number; readonly signal?: AbortSignal | undefined },
): Promise<readonly TokenDifference[]> {
  const chosen = chooseRows(scores);
  if (chosen.length === 0) return [];
  const length = (side: "student" | "teacher") => (row: number) => heldOut[scores.documents[row]!]![side].ids.length;
  const positionCount = Math.max(...chosen.map(length("student")), ...chosen.map(length("teacher")));
  const k = Math.min(topCount, student.shape.headWidth, teacher.form.headWidth);
  const scorer = await makeRowScorer(student, { positionCount, chunkRows: 1, threads, signal: teacher.form, topK: k });
  const differences: TokenDifference[] = [];
  try {
    for (const row of chosen) {
      if (signal?.aborted) throw new InterruptedError("evaluate: stopped before all tokens were compared.");
      const batch = oneRow(heldOut, scores.documents[row]!, scores.positions[row]!);
      const weights = { ...Object.fromEntries(student.weights), ...teacher.headFeeds };
      const { top, teacherTop } = await scorer.score(batch, weights, await teacher.signal(batch));
      differences.push(describe(scores, row, heldOut, tokenizer, top!, teacherTop!));
    }
  } finally {
    await scorer.dispose();
  }
  return differences;
}

function chooseRows({ kl, documents, count }: BatchScores): readonly number[] {
  if (!kl) return [];
  const rows = Array.from({ length: count }, (_, row) => row).sort((a, b) => kl[b]! - kl[a]!);
  const seen = new Set<number>();
  const chosen: number[] = [];
  for (const row of rows) {
    if (chosen.length === differingTokensShown) break;
    if (seen.has(documents[row]!)) continue;
    seen.add(documents[row]!);
    chosen.push(row);
  }
  return chosen;
}

/** A batch of one document that scores one token. */
function oneRow(heldOut: readonly TransferDocument[], document: number, position: number): DistillationBatch {
  const batch = makeBatch(heldOut, [[document]], { sequenceLength: 1, packing: false });
  const at = batch.rows.studentIndex.indexOf(position - 1);
  const rows: ResponseRows = {
    count: 1,
    studentIndex: batch.rows.studentIndex.slice(at, at + 1),
    teacherIndex: batch.rows.teacherIndex.slice(at, at + 1),
    targetIds: batch.rows.targetIds.slice(at, at + 1),
    weights: batch.rows.weights.slice(at, at + 1),
    documents: batch.rows.documents.slice(at, at + 1),
    offsets: batch.rows.offsets.slice(at, at + 1),
  };
  return { ...batch, rows };
}

function describe(
  scores: BatchScores,
  row: number,
  heldOut: readonly TransferDocument[],
  tokenizer: Tokenizer,
  top: TopTokens,
  teacherTop: TopTokens,
): TokenDifference {
  const { student, origin } = heldOut[scores.documents[row]!]!;
  const position = scores.positions[row]!;
  const text = (from: number, to: number) => tokenizer.decode(student.ids.subarray(Math.max(0, from), to));
  const list = ({ ids, logProbs }: TopTokens) =>
    Array.from(ids, (id, i) => ({ text: tokenizer.decode([id]), probability: Math.exp(logProbs[i]!) }));
  return {
    before: text(position - tokensBefore, position),
    token: text(position, position + 1),
    after: text(position + 1, position + 1 + tokensAfter),
    position,
    kl: scores.kl![row]!,
    teacherTop: list(teacherTop),
    studentTop: list(top),
    origin: { file: origin.file, line: origin.line },
  };
}
