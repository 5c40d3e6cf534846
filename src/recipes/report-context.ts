/** @file The part of a `context` run's report that other recipes do not have: the gap closed, the cost of calls, answers. */

import { dropVirtualTokens, type LoadedData, type Tokenizer, type TransferDocument } from "../data/index.js";
import { compareAnswers, promptOf } from "../evaluate/compare-answers.js";
import type { BatchScores } from "../evaluate/score-batches.js";
import { type Estimate, estimateRatio, mean, sumByCluster } from "../evaluate/statistics.js";
import { findStopTokens } from "../generation/stop-tokens.js";
import type { ContextReport } from "../report/context-report.js";
import type { LoadedModel } from "../weights/load-model.js";
import type { RecipeContext } from "./recipe.js";
import type { CommonConfig, ContextParts, RunParts } from "./run-parts.js";

/** Held-out inputs that are answered by all, and tokens of an answer. */
const answerCount = 6;
const answerTokens = 96;

export interface ContextScores {
  /** Of the student without the context, compared with the teacher who sees it. */
  readonly before: BatchScores;
  readonly after: BatchScores;
  readonly student: LoadedModel;
}

export async function reportContext(
  { emit, signal }: RecipeContext<CommonConfig>,
  { teacher, student, data }: RunParts,
  { movingAverage, writing }: ContextParts,
  { before, after, student: trained }: ContextScores,
  threads: number,
): Promise<ContextReport> {
  const { heldOut } = data;
  const tokens = (side: "student" | "teacher") =>
    mean((heldOut.length > 0 ? heldOut : data.train).map((document) => promptOf(document, side).length));
  const { tokenizer } = student;
  const texts = dropVirtualTokens(answerable(data), student.model.shape.virtualTokens ?? 0);
  const speaks = (model: { readonly architecture: { readonly cacheShape?: unknown } }) => model.architecture.cacheShape;
  const canAnswer = tokenizer && teacher && speaks(teacher.model) && speaks(trained) && texts.length > 0;
  let compared: Awaited<ReturnType<typeof compareAnswers>> | undefined;
  if (canAnswer) {
    emit({ type: "phase", phase: "evaluating", message: "answering held-out inputs with and without the context" });
    const models = { teacher: await teacher.load(), before: await student.start(), after: trained };
    compared = await compareAnswers(models, texts, {
      tokenizer,
      stopTokens: await stopTokensOf(models.teacher, trained, tokenizer),
      count: answerCount,
      maxTokens: answerTokens,
      threads,
      signal,
      onProgress: (done, total) => emit({ type: "progress", task: "answering", done, total, unit: "inputs" }),
    });
  }
  return {
    gapClosed: gapClosed(before, after, heldOut),
    promptTokens: { teacher: tokens("teacher"), student: tokens("student") },
    calls: compared ? { answers: compared.inputs.length, ...compared.calls } : null,
    answers: compared?.inputs ?? [],
    writing: writing ?? null,
    movingAverage: movingAverage ?? null,
  };
}

/** Held-out documents in which both sides see something before the response, and have room for an answer. */
function answerable({ heldOut }: LoadedData): readonly TransferDocument[] {
  return heldOut.filter((document) => promptOf(document, "student").length * promptOf(document, "teacher").length > 0);
}

async function stopTokensOf(
  teacher: LoadedModel,
  student: LoadedModel,
  tokenizer: Tokenizer,
): Promise<readonly number[]> {
  return [...(await findStopTokens(teacher, tokenizer)), ...(await findStopTokens(student, tokenizer))];
}

/** 1 − Σ KL after / Σ KL before, resampled over rows; null where nothing was held out. */
function gapClosed(before: BatchScores, after: BatchScores, heldOut: readonly TransferDocument[]): Estimate | null {
  if (!before.kl || !after.kl) return null;
  const rows = Int32Array.from(before.documents, (document) => heldOut[document]!.origin.row);
  const count = rows.reduce((most, row) => Math.max(most, row + 1), 0);
  const closed = before.kl.map((kl, row) => kl - after.kl![row]!);
  return estimateRatio(sumByCluster(closed, rows, count), sumByCluster(before.kl, rows, count));
}
