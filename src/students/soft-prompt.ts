/**
 * @file A soft prompt before a model whose weights stay as they are: what it starts from, and what is written of it.
 *
 * Of all that a model is, only the vectors σ are trained: `min over σ of the mean of Loss(Pr(· | c, z), Pr(· | σ, z))`.
 *
 * Xiao & Zhu 2025, "Foundations of Large Language Models", ch. 3, prompt compression by distillation (arXiv:2501.09223); Lester,
 * Al-Rfou & Constant 2021, "The Power of Scale for Parameter-Efficient Prompt Tuning", §2 and §3.2 (arXiv:2104.08691).
 */

import { createRandom } from "../data/random.js";
import type { Tokenizer } from "../data/tokenizer.js";
import type { TransferDocument } from "../data/transfer-set.js";
import { LimbeckError, show } from "../errors.js";
import { promptName, promptSpec, withSoftPrompt } from "../models/soft-prompt.js";
import { float32Tensor } from "../runtime/tensor.js";
import type { ModelWithWeights } from "../weights/load-model.js";
import type { StudentModel } from "./student-model.js";

export interface SoftPromptOptions {
  /** How many vectors are learned. */
  readonly tokens: number;
  readonly start: "context" | "vocabulary" | "random" | { readonly text: string };
}

/** The soft prompt of a student. */
export interface StudentSoftPrompt {
  /** As adapter_config.json names it; undefined where it is nowhere on disk yet. */
  readonly baseModel: string | undefined;
}

/** What the start of a prompt may depend on. */
export interface SoftPromptStart {
  readonly seed: number;
  readonly tokenizer: Tokenizer | undefined;
  /** Ids that the teacher sees and the student does not, from {@link findContext}; undefined where they are not known. */
  readonly context: readonly number[] | undefined;
}

/** Lester et al. draw from the most common tokens, which in most tokenizers have the smallest ids. */
const commonTokens = 5000;

/**
 * A model whose weights are frozen, with a soft prompt before it.
 *
 * The vectors start as rows of the embedding table; `random` ones are drawn from a normal distribution with the table's own
 * standard deviation, so that they are as long as embeddings are.
 *
 * @throws LimbeckError `STUDENT` where a text to start from has no token, or there is no tokenizer to read it.
 */
export function addSoftPrompt(
  base: ModelWithWeights,
  options: SoftPromptOptions,
  start: SoftPromptStart,
  softPrompt: StudentSoftPrompt,
): StudentModel {
  const { hiddenSize } = base.shape;
  const name = base.architecture.parameters(base.shape).find(({ role }) => role === "embedding")!.name;
  const table = base.weights.get(name)!.data as Float32Array;
  const ids = options.start === "random" ? undefined : startIds(options, start, base.shape.headWidth);
  const prompt = ids ? takeRows(table, ids, hiddenSize) : drawRows(table, options.tokens * hiddenSize, start.seed);
  const { shape: dims } = promptSpec(base.shape, options.tokens);
  const model = withSoftPrompt(base, options.tokens);
  return {
    ...model,
    weights: new Map(base.weights).set(promptName, float32Tensor(dims, prompt)),
    frozen: new Set(base.weights.keys()),
    softPrompt,
  };
}

/**
 * What the teacher sees of a document and the student does not: the teacher's ids between what both views begin and end with.
 *
 * @param textStart - where the text begins in the student's view: after the virtual tokens.
 * @returns undefined where no document has two views.
 */
export function findContext(documents: readonly TransferDocument[], textStart: number): readonly number[] | undefined {
  for (const { student, teacher } of documents) {
    const own = student.ids.subarray(textStart);
    const shortest = Math.min(own.length, teacher.ids.length);
    let before = 0;
    while (before < shortest && own[before] === teacher.ids[before]) before++;
    let after = 0;
    while (after < shortest - before && own.at(-1 - after) === teacher.ids.at(-1 - after)) after++;
    const context = teacher.ids.subarray(before, teacher.ids.length - after);
    if (context.length > 0) return Array.from(context);
  }
  return undefined;
}

function startIds(
  { tokens, start }: SoftPromptOptions,
  { seed, tokenizer, context }: SoftPromptStart,
  headWidth: number,
): readonly number[] {
  if (typeof start === "object") return fill(encodeStart(start.text, tokenizer), tokens);
  if (start === "context" && context) return fill(context, tokens);
  const random = createRandom(seed);
  const isWord = (id: number) =>
    tokenizer === undefined || (tokenizer.tokenText(id) !== undefined && !tokenizer.isSpecial(id));
  const candidates = Array.from({ length: Math.min(headWidth, commonTokens) }, (_, id) => id).filter(isWord);
  return Array.from({ length: tokens }, () => candidates[random.nextBelow(candidates.length)]!);
}

function encodeStart(text: string, tokenizer: Tokenizer | undefined): readonly number[] {
  const ids = tokenizer?.encode(text) ?? [];
  if (ids.length > 0) return ids;
  const got = tokenizer ? `${show(text)}, which has no token` : "a model without a tokenizer";
  throw new LimbeckError(
    "STUDENT",
    `student.softPrompt.start: expected a text that the tokenizer can read, got ${got}.`,
    {
      hint: "Start from the vocabulary instead.",
    },
  );
}

/** Cut, or repeated from its beginning, as in PEFT. */
function fill(ids: readonly number[], count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => ids[i % ids.length]!);
}

function takeRows(table: Float32Array, ids: readonly number[], width: number): Float32Array {
  const rows = new Float32Array(ids.length * width);
  for (const [i, id] of ids.entries()) rows.set(table.subarray(id * width, (id + 1) * width), i * width);
  return rows;
}

/** Normally distributed numbers (Box & Muller) with the table's root mean square. */
function drawRows(table: Float32Array, count: number, seed: number): Float32Array {
  const scale = Math.sqrt(table.reduce((sum, value) => sum + value * value, 0) / table.length);
  const random = createRandom(seed);
  return Float32Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.nextFloat()));
    return scale * radius * Math.cos(2 * Math.PI * random.nextFloat());
  });
}
