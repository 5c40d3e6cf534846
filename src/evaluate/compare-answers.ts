/** @file What models answer to held-out inputs, greedily and one call at a time, and how long a call takes with either prompt. */

import { sharedPrefixLength } from "../data/shared-prefix.js";
import type { Tokenizer } from "../data/tokenizer.js";
import type { TransferDocument } from "../data/transfer-set.js";
import { makeTokenGenerator, type TokenGenerator, writeResponses } from "../generation/index.js";
import type { ModelWithWeights } from "../weights/load-model.js";
import { median } from "./statistics.js";

/** What a call costs, as medians over the calls. */
export interface CallCost {
  /** The prompt is read and the first token chosen. */
  readonly firstTokenSeconds: number;
  readonly answerSeconds: number;
  readonly answerTokens: number;
}

/** One input, and the answers of all three. */
export interface AnsweredInput {
  /** What in the student's prompt is the input's own: without what all prompts begin and end with. */
  readonly input: string;
  /** With the context. */
  readonly teacher: string;
  /** Without it, like the next. */
  readonly before: string;
  readonly after: string;
  readonly origin: { readonly file: string; readonly line: number };
}

export interface AnswerComparison {
  readonly inputs: readonly AnsweredInput[];
  readonly calls: { readonly teacher: CallCost; readonly student: CallCost };
}

export interface AnswerModels {
  readonly teacher: ModelWithWeights;
  readonly before: ModelWithWeights;
  readonly after: ModelWithWeights;
}

export interface AnswerOptions {
  readonly tokenizer: Tokenizer;
  readonly stopTokens: readonly number[];
  /** Inputs that are answered, of different rows. */
  readonly count: number;
  readonly maxTokens: number;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Answers some held-out inputs. The teacher and the trained student take turns, so that a busy machine slows both alike; each call
 * reads its whole prompt.
 *
 * @param heldOut - at least one document.
 */
export async function compareAnswers(
  models: AnswerModels,
  heldOut: readonly TransferDocument[],
  { tokenizer, stopTokens, count, maxTokens, threads, signal, onProgress }: AnswerOptions,
): Promise<AnswerComparison> {
  const chosen = chooseDocuments(heldOut, count);
  const inputs = inputTexts(heldOut, chosen, tokenizer);
  const call = (generator: TokenGenerator, prompt: Int32Array) =>
    answer(generator, prompt, { stopTokens, maxTokens, signal });
  const text = (ids: readonly number[]) => tokenizer.decode(ids.filter((id) => !tokenizer.isSpecial(id)));
  const [taught, own]: [Call[], Call[]] = [[], []];
  const teacher = await makeTokenGenerator(models.teacher, { threads });
  const student = await makeTokenGenerator(models.after, { threads });
  try {
    for (const generator of [teacher, student]) {
      const warmUp = generator.generate([promptOf(chosen[0]!, "student")], { maxTokens: 2, signal });
      for await (const _ of warmUp);
    }
    for (const document of chosen) {
      taught.push(await call(teacher, promptOf(document, "teacher")));
      own.push(await call(student, promptOf(document, "student")));
      onProgress(own.length, chosen.length);
    }
  } finally {
    await teacher.dispose();
    await student.dispose();
  }
  const before: string[] = [];
  const beforeGenerator = await makeTokenGenerator(models.before, { threads });
  try {
    const prompts = chosen.map((document) => promptOf(document, "student"));
    const writing = { samples: 1, seed: 0, maxTokens, stopTokens, signal };
    for await (const { prompt, ids } of writeResponses(beforeGenerator, models.before, prompts, writing)) {
      before[prompt] = text(ids);
    }
  } finally {
    await beforeGenerator.dispose();
  }
  return {
    inputs: chosen.map(({ origin: { file, line } }, i) => ({
      input: inputs[i]!,
      teacher: text(taught[i]!.ids),
      before: before[i]!,
      after: text(own[i]!.ids),
      origin: { file, line },
    })),
    calls: { teacher: costOf(taught), student: costOf(own) },
  };
}

/** What a side sees before the response. */
export function promptOf(document: TransferDocument, side: "student" | "teacher"): Int32Array {
  const { ids, responseMask } = document[side];
  return ids.subarray(0, responseMask.indexOf(1));
}

/** Documents of different rows, evenly spread over the set; the student must see something before the response. */
function chooseDocuments(heldOut: readonly TransferDocument[], count: number): readonly TransferDocument[] {
  const byRow = new Map(heldOut.map((document) => [document.origin.row, document]));
  const rows = [...byRow.values()];
  const chosen = Math.min(count, rows.length);
  return Array.from({ length: chosen }, (_, i) => rows[Math.floor((i * rows.length) / chosen)]!);
}

/** What is each prompt's own between the beginning and the end that the student's prompts share. */
function inputTexts(
  heldOut: readonly TransferDocument[],
  chosen: readonly TransferDocument[],
  tokenizer: Tokenizer,
): readonly string[] {
  const prompts = heldOut.map((document) => promptOf(document, "student"));
  const isAlone = new Set(prompts.map((prompt) => prompt.join())).size === 1;
  const shortest = prompts.reduce((least, { length }) => Math.min(least, length), Number.POSITIVE_INFINITY);
  const start = isAlone ? 0 : sharedPrefixLength(prompts, shortest);
  const reversed = prompts.map((prompt) => prompt.slice(start).reverse());
  let end = isAlone ? 0 : sharedPrefixLength(reversed, shortest - start);
  // What the template puts behind an input begins with a special token: a question mark that all share is the input's own.
  const [first] = reversed;
  while (end > 0 && !tokenizer.isSpecial(first![end - 1]!)) end--;
  return chosen.map((document) => {
    const prompt = promptOf(document, "student");
    return tokenizer.decode(prompt.slice(start, prompt.length - end)).trim();
  });
}

interface Call {
  readonly ids: readonly number[];
  readonly firstTokenSeconds: number;
  readonly seconds: number;
}

async function answer(
  generator: TokenGenerator,
  prompt: Int32Array,
  options: { readonly maxTokens: number; readonly stopTokens: readonly number[]; readonly signal: AbortSignal },
): Promise<Call> {
  const started = performance.now();
  const ids: number[] = [];
  let firstTokenSeconds = 0;
  for await (const { id } of generator.generate([prompt], options)) {
    if (ids.length === 0) firstTokenSeconds = (performance.now() - started) / 1000;
    ids.push(id);
  }
  return { ids, firstTokenSeconds, seconds: (performance.now() - started) / 1000 };
}

function costOf(calls: readonly Call[]): CallCost {
  return {
    firstTokenSeconds: median(calls.map(({ firstTokenSeconds }) => firstTokenSeconds)),
    answerSeconds: median(calls.map(({ seconds }) => seconds)),
    answerTokens: median(calls.map(({ ids }) => ids.length)),
  };
}
