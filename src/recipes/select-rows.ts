/**
 * @file Rows scored by a small model, and a share of them kept: a large model then learns from fewer rows, or better ones.
 *
 * With L(model) the mean loss of a row's learned tokens in nats:
 *
 * - `loss`: L(small). Marion et al. 2023, "When Less is More" (arXiv:2309.04564) found the middle of it best for pretraining.
 * - `gap`: L(small) − L(other), the other model being larger or trained further: what is still to be learned, without what nobody
 *   can predict. After Mindermann et al. 2022, "Prioritized Training on Points that are Learnable" (arXiv:2206.07137).
 * - `ifd`: L(response | prompt) / L(response alone), the instruction-following difficulty: how little the prompt helps. At 1 or
 *   above the prompt does not help at all, and the row is never kept. Li et al. 2023, "From Quantity to Quality" (arXiv:2308.12032) §2;
 *   a small model scores for a large one in Li et al. 2024, "Superfiltering" (arXiv:2402.00530). Both losses are over the same
 *   tokens: where the tokenizer puts nothing before a text, its first token can be scored in neither.
 * - `random`: a number drawn from the seed; what every other way must beat.
 */

import { access } from "node:fs/promises";
import os from "node:os";
import { makeDocument } from "../data/encode-rows.js";
import {
  assertSameTokenizer,
  createRandom,
  encodeRows,
  loadChatTemplate,
  readRows,
  type Tokenizer,
  type TransferDocument,
} from "../data/index.js";
import { placeOf } from "../data/source-row.js";
import { DataError, LimbeckError, UnsupportedError } from "../errors.js";
import { packBatches } from "../evaluate/score-batches.js";
import { scoreModel } from "../evaluate/score-model.js";
import { quantile } from "../evaluate/statistics.js";
import { widestBatch } from "../training/train-student.js";
import { writeFileAtomically } from "../weights/index.js";
import { type OpenedTeacher, openTeacher } from "./open-models.js";
import type { RunEvent } from "./recipe.js";

export const selectionWays = ["loss", "gap", "ifd", "random"] as const;
export const keptEnds = ["lowest", "middle", "highest"] as const;

export interface SelectionRequest {
  readonly sources: string | readonly string[];
  readonly template: string;
  readonly sequenceLength: number;
  readonly model: string;
  /** Needed for `gap`. */
  readonly other: string | undefined;
  readonly by: (typeof selectionWays)[number];
  /** Share of the scored rows, above 0 and at most 1. */
  readonly share: number;
  /** Which end of the scores; `middle` for `loss`, `highest` for the others unless given. */
  readonly keep: (typeof keptEnds)[number] | undefined;
  readonly seed: number;
  /** Where the kept rows go, as they are; the scores of all rows go beside it. */
  readonly output: string;
}

export interface Selection {
  readonly rows: number;
  readonly kept: number;
  /** Rows without a score: nothing to learn, or too long. */
  readonly unscored: number;
  /** Rows with an IFD of 1 or above. */
  readonly unhelped: number;
  /** Median score and its range, of all scored rows and of the kept ones. */
  readonly scores: { readonly all: Range; readonly kept: Range };
  readonly output: string;
  readonly scoresFile: string;
}

export interface Range {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export interface SelectionContext {
  readonly emit: (event: RunEvent) => void;
  readonly signal: AbortSignal;
}

/**
 * @throws DataError where the rows or models do not fit what is asked; LimbeckError `FILE` where the output is there already.
 */
export async function selectRows(request: SelectionRequest, context: SelectionContext): Promise<Selection> {
  const { sources, by, share, sequenceLength, output } = request;
  const scoresFile = `${output.replace(/\.jsonl$/, "")}.scores.jsonl`;
  for (const path of [output, scoresFile]) await expectNewFile(path);
  const { emit } = context;
  emit({ type: "phase", phase: "teacher", message: `opening ${request.model}` });
  const small = await openScorer(request.model, context);
  if (small.model.shape.virtualTokens !== undefined) {
    throw new UnsupportedError(
      `select: expected a model without a soft prompt, got "${request.model}", which has one.`,
      {
        hint: "Name its base model.",
      },
    );
  }
  const chatTemplate = await loadChatTemplate(request.template, small.tokenizer);
  emit({ type: "phase", phase: "data", message: "reading rows" });
  const vocabSize = small.model.shape.headWidth;
  const { documents, report } = await encodeRows(readRows(sources), {
    tokenizer: small.tokenizer,
    chatTemplate,
    sequenceLength,
    vocabSize,
  });
  const scores = await scoreRows(request, documents, small, context);

  const ordered = [...scores.entries()].sort(([a, x], [b, y]) => y - x || a - b);
  const eligible = by === "ifd" ? ordered.filter(([, score]) => score < 1) : ordered;
  const count = Math.min(eligible.length, Math.max(1, Math.round(share * ordered.length)));
  const end = request.keep ?? (by === "loss" ? "middle" : "highest");
  const spare = eligible.length - count;
  const first = end === "highest" ? 0 : end === "lowest" ? spare : Math.floor(spare / 2);
  const kept = new Map(eligible.slice(first, first + count));
  if (kept.size === 0) {
    throw new DataError(
      `select: expected rows with an IFD below 1, got none of ${ordered.length}: no prompt helps the model.`,
      {
        hint: "Take a model that follows prompts, or another way with --by.",
      },
    );
  }

  let [keptText, scoresText, index] = ["", "", 0];
  for await (const row of readRows(sources)) {
    const score = scores.get(index);
    const isKept = kept.has(index);
    if (isKept) keptText += `${JSON.stringify(row.fields)}\n`;
    scoresText += `${JSON.stringify({ origin: placeOf(row), score: score ?? null, kept: isKept })}\n`;
    index++;
  }
  await writeFileAtomically(scoresFile, (file) => file.writeFile(scoresText));
  await writeFileAtomically(output, (file) => file.writeFile(keptText));
  return {
    rows: report.rows,
    kept: kept.size,
    unscored: report.rows - scores.size,
    unhelped: ordered.length - eligible.length,
    scores: { all: rangeOf([...scores.values()]), kept: rangeOf([...kept.values()]) },
    output,
    scoresFile,
  };
}

interface Scorer {
  readonly name: string;
  readonly model: OpenedTeacher["model"];
  readonly load: OpenedTeacher["load"];
  readonly tokenizer: Tokenizer;
}

async function openScorer(name: string, { emit, signal }: SelectionContext): Promise<Scorer> {
  const { model, load, tokenizer } = await openTeacher(
    { model: name, precision: "float32" },
    { onEvent: emit, signal },
  );
  if (tokenizer) return { name, model, load, tokenizer };
  throw new DataError(`select: "${name}" must have a tokenizer to read rows, got none.`, {
    hint: "Add the model's tokenizer.json to its folder.",
  });
}

/** A row's score by its number; rows of which nothing is learned have none. */
async function scoreRows(
  { by, seed, other, sequenceLength }: SelectionRequest,
  documents: readonly TransferDocument[],
  small: Scorer,
  context: SelectionContext,
): Promise<ReadonlyMap<number, number>> {
  if (by === "random") {
    const random = createRandom(seed);
    return new Map([...new Set(documents.map(({ origin }) => origin.row))].map((row) => [row, random.nextFloat()]));
  }
  const losses = (scorer: Scorer, of: readonly TransferDocument[]) => rowLosses(scorer, of, sequenceLength, context);
  if (by === "loss") return losses(small, documents);
  if (by === "gap") {
    if (other === undefined) {
      throw new DataError("select: the gap is between two models, got one.", { hint: "Name the second with --other." });
    }
    const large = await openScorer(other, context);
    assertSameTokenizer(small.tokenizer, large.tokenizer);
    const [a, b] = [await losses(small, documents), await losses(large, documents)];
    return new Map([...a].map(([row, loss]) => [row, loss - b.get(row)!]));
  }
  const pairs = documents.map((document) => withAndWithoutPrompt(document, small.tokenizer));
  const withPrompt = await losses(
    small,
    pairs.flatMap((pair) => (pair ? [pair.withPrompt] : [])),
  );
  const alone = await losses(
    small,
    pairs.flatMap((pair) => (pair ? [pair.alone] : [])),
  );
  return new Map([...withPrompt].map(([row, loss]) => [row, loss / alone.get(row)!]));
}

/** Mean loss per learned token of every row, in nats. */
async function rowLosses(
  { name, load }: Scorer,
  documents: readonly TransferDocument[],
  sequenceLength: number,
  { emit, signal }: SelectionContext,
): Promise<ReadonlyMap<number, number>> {
  const task = `scoring by ${name}`;
  const scores = await scoreModel(await load(), packBatches(documents, { sequenceLength, batchTokens: 2048 }), {
    positionCount: widestBatch(documents, sequenceLength),
    threads: os.availableParallelism(),
    signal,
    onProgress: (done, total) => emit({ type: "progress", task, done, total, unit: "tokens" }),
  });
  const sums = new Map<number, { loss: number; tokens: number }>();
  scores.targetLogProbs.forEach((logProb, i) => {
    const { row } = documents[scores.documents[i]!]!.origin;
    const sum = sums.get(row) ?? { loss: 0, tokens: 0 };
    sums.set(row, { loss: sum.loss - logProb, tokens: sum.tokens + 1 });
  });
  return new Map([...sums].map(([row, { loss, tokens }]) => [row, loss / tokens]));
}

/**
 * A document's learned tokens behind its prompt, and alone; undefined where only one token is learned and none can be scored alone.
 *
 * @throws DataError for a document without a prompt.
 */
function withAndWithoutPrompt({ student, origin }: TransferDocument, tokenizer: Tokenizer) {
  const { ids, responseMask } = student;
  const learned = ids.filter((_, i) => responseMask[i] === 1);
  if (responseMask.indexOf(1) <= tokenizer.prefixIds.length && responseMask.indexOf(1) <= 1) {
    throw new DataError(
      `select: ${placeOf(origin)}: IFD compares a response with and without its prompt, got no prompt.`,
      {
        hint: "Give rows {prompt, response} or {messages}, or take --by loss or gap.",
      },
    );
  }
  const { prefixIds } = tokenizer;
  const mask = Uint8Array.from(responseMask);
  if (prefixIds.length === 0) mask[mask.indexOf(1)] = 0;
  if (!mask.includes(1)) return undefined;
  const own = Int32Array.from([...prefixIds, ...learned]);
  const span = { ids: own, responseMask: new Uint8Array(own.length).fill(1, Math.max(1, prefixIds.length)) };
  const behind = { ids, responseMask: mask };
  return {
    withPrompt: makeDocument(behind, behind, origin, tokenizer),
    alone: makeDocument(span, span, origin, tokenizer),
  };
}

async function expectNewFile(path: string): Promise<void> {
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (!isThere) return;
  throw new LimbeckError("FILE", `"${path}": expected a file that is new, got one that is there.`, {
    hint: "Choose another with --output, or move this one away.",
  });
}

function rangeOf(values: readonly number[]): Range {
  return { low: quantile(values, 0), median: quantile(values, 0.5), high: quantile(values, 1) };
}
