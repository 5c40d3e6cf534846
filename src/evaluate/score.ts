/** @file The log-probability of every token of a text, of token ids, or of an answer to a conversation. */

import { type Message, renderTurn } from "../data/chat-template.js";
import { encodeTurns } from "../data/encode-text.js";
import {
  hasTokenizer,
  loadChatTemplate,
  loadTokenizer,
  makeBatch,
  prependVirtualTokens,
  type Tokenizer,
} from "../data/index.js";
import { DataError, show } from "../errors.js";
import { chunkRowsFor } from "../losses/chunked-head.js";
import { virtualIds } from "../models/index.js";
import type { CompileOptions } from "../runtime/executor.js";
import { type LoadedModel, loadModelFolder } from "../weights/load-model.js";
import type { Precision } from "../weights/quantize/index.js";
import { gotClassifier } from "./got-classifier.js";
import { makeRowScorer, type RowScores, type TopTokens } from "./row-scores.js";

/** What to score; exactly one of `ids`, `text`, and `messages` with `response`. */
export interface ScoreRequest {
  readonly ids?: readonly number[];
  /** Which of `ids` are scored, and listed: 1 where one is. All but the first unless given. */
  readonly responseMask?: readonly number[];
  /** Tokenized as it is: no special tokens are added, those written in it count as such. */
  readonly text?: string;
  /** A conversation for the model's chat template; `response` is the answer whose tokens are scored. */
  readonly messages?: readonly Message[];
  readonly response?: string;
  /** Likeliest tokens listed at each place; 10 unless given. */
  readonly topK?: number;
}

export interface TokenLogProb {
  readonly id: number;
  /** Empty where the model has no tokenizer, or its tokenizer not this id. */
  readonly text: string;
  /** Natural logarithm, over the model's whole head. */
  readonly logProb: number;
}

export interface ScoredToken extends Omit<TokenLogProb, "logProb"> {
  /** Null for the first token of a text, which nothing predicts. */
  readonly logProb: number | null;
  /** What the model found likeliest in this token's place, most likely first. */
  readonly topK: readonly TokenLogProb[];
}

export interface ScoreResult {
  readonly model: string;
  readonly tokens: readonly ScoredToken[];
  /** Over the tokens that have a log-prob; null where none has, like the next two. */
  readonly meanLogProb: number | null;
  readonly perplexity: number | null;
  /** Null too where the text's bytes are not known. */
  readonly bitsPerByte: number | null;
}

/** A model that scores, loaded once. */
export interface Scorer {
  score(request: ScoreRequest): Promise<ScoreResult>;
}

export interface ScorerOptions extends CompileOptions {
  /** What the model computes in, as when it writes; float32 unless given. */
  readonly precision?: Precision | undefined;
}

/** Loads a model folder and scores one request. */
export async function score(folder: string, request: ScoreRequest, options: ScorerOptions = {}): Promise<ScoreResult> {
  return (await openScorer(folder, options)).score(request);
}

/** Loads a model folder for scoring. */
export async function openScorer(
  folder: string,
  { precision = "float32", ...options }: ScorerOptions = {},
): Promise<Scorer> {
  const model = await loadModelFolder(folder, { precision, use: "writing" });
  const tokenizer = (await hasTokenizer(folder)) ? await loadTokenizer(folder) : undefined;
  return makeScorer(model, tokenizer, options);
}

/** Scores with a model that is loaded. Programs are compiled per request, and disposed. */
export function makeScorer(model: LoadedModel, tokenizer: Tokenizer | undefined, options: CompileOptions = {}): Scorer {
  return { score: (request) => scoreRequest(model, tokenizer, request, options) };
}

async function scoreRequest(
  model: LoadedModel,
  tokenizer: Tokenizer | undefined,
  request: ScoreRequest,
  options: CompileOptions,
): Promise<ScoreResult> {
  if (model.shape.classHead) throw gotClassifier("score", model.path);
  const { ids, isScored } = await tokensOf(request, model, tokenizer);
  const k = Math.min(request.topK ?? 10, model.shape.headWidth);
  const responseTokens = isScored.reduce((sum, scored) => sum + scored, 0);
  const scores = responseTokens === 0 ? undefined : await scoreIds(model, ids, isScored, k, options);
  const text = (id: number) => (tokenizer && tokenizer.tokenText(id) !== undefined ? tokenizer.decode([id]) : "");
  // Of a conversation, and of a response, only what answers is listed; of a text every token, the first without a log-prob.
  const listsAll = !request.messages && !request.responseMask;
  const listed = Array.from(ids.keys()).filter((i) => isScored[i] === 1 || listsAll);
  let row = 0;
  const tokens = listed.map((i): ScoredToken => {
    const id = ids[i]!;
    if (isScored[i] !== 1) return { id, text: text(id), logProb: null, topK: [] };
    const at = row++;
    return { id, text: text(id), logProb: scores!.targetLogProbs[at]!, topK: likeliest(scores?.top, at, text) };
  });
  const total = scores ? scores.targetLogProbs.reduce((sum, logProb) => sum + logProb, 0) : 0;
  const bytes = tokenizer?.tokenBytes(ids.filter((_, i) => isScored[i] === 1)) ?? 0;
  const meanLogProb = responseTokens === 0 ? null : total / responseTokens;
  return {
    model: model.path,
    tokens,
    meanLogProb,
    perplexity: meanLogProb === null ? null : Math.exp(-meanLogProb),
    bitsPerByte: meanLogProb === null || bytes === 0 ? null : -total / Math.LN2 / bytes,
  };
}

interface Tokens {
  readonly ids: Int32Array;
  /** `[tokens]`, 1 where the token gets a log-prob. */
  readonly isScored: Uint8Array;
}

async function tokensOf(request: ScoreRequest, model: LoadedModel, tokenizer: Tokenizer | undefined): Promise<Tokens> {
  if (request.ids) {
    const ids = checkIds(request.ids, model.shape.headWidth);
    return request.responseMask ? { ids, isScored: Uint8Array.from(request.responseMask) } : scoreAll(ids);
  }
  if (!tokenizer) {
    throw new DataError(`score: "${model.path}" must hold a tokenizer.json to score text, got none.`, {
      hint: "Give token ids instead, or add the model's tokenizer files.",
    });
  }
  if (request.text !== undefined) return scoreAll(Int32Array.from(tokenizer.encode(request.text)));
  const template = await loadChatTemplate("auto", tokenizer);
  if (!template) {
    throw new DataError(`score: "${model.path}" must have a chat template to score messages, got none.`, {
      hint: "Score the text itself instead.",
    });
  }
  const turn = renderTurn(
    template,
    request.messages ?? [],
    { role: "assistant", content: request.response ?? "" },
    "score",
  );
  const { views } = await encodeTurns([turn], [turn], {
    tokenizer,
    sequenceLength: Number.MAX_SAFE_INTEGER,
    isChat: true,
  });
  const [span] = views!;
  return { ids: span.ids, isScored: span.responseMask };
}

function scoreAll(ids: Int32Array): Tokens {
  const isScored = new Uint8Array(ids.length).fill(1);
  isScored[0] = 0;
  return { ids, isScored };
}

function checkIds(ids: readonly number[], width: number): Int32Array {
  const bad = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= width);
  if (bad !== undefined)
    throw new DataError(`score: ids must be whole numbers from 0 to ${width - 1}, got ${show(bad)}.`);
  return Int32Array.from(ids);
}

/** Scores one sequence; rows follow the scored tokens in order. */
async function scoreIds(
  model: LoadedModel,
  ids: Int32Array,
  responseMask: Uint8Array,
  topK: number,
  options: CompileOptions,
): Promise<RowScores> {
  const span = prependVirtualTokens({ ids, responseMask }, virtualIds(model.shape));
  const responseTokens = responseMask.reduce((sum, scored) => sum + scored, 0);
  const origin = { file: "", line: 0, row: 0, key: 0 };
  const document = { student: span, teacher: span, responseTokens, responseBytes: undefined, origin };
  const batch = makeBatch([document], [[0]], { sequenceLength: span.ids.length, packing: false });
  const chunkRows = chunkRowsFor(model.shape.headWidth, responseTokens);
  const weights = Object.fromEntries(model.weights);
  // Quantized weights are kept by the program, as in writing: fed ones are turned back into floats.
  const kept = model.formats ? { weights } : {};
  const scorer = await makeRowScorer(model, { ...options, ...kept, positionCount: span.ids.length, chunkRows, topK });
  try {
    return await scorer.score(batch, weights);
  } finally {
    await scorer.dispose();
  }
}

function likeliest(top: TopTokens | undefined, row: number, text: (id: number) => string): readonly TokenLogProb[] {
  if (!top) return [];
  return Array.from({ length: top.k }, (_, i) => {
    const id = top.ids[row * top.k + i]!;
    return { id, text: text(id), logProb: top.logProbs[row * top.k + i]! };
  });
}
