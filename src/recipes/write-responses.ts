/** @file The first half of a `sequence` run: responses are written and filtered, and what became of each of them is kept in files. */

import { join } from "node:path";
import { encodePrompts } from "../data/encode-prompts.js";
import { keyOf } from "../data/encode-rows.js";
import { loadChatTemplate, makePrompt, readRows, type Tokenizer } from "../data/index.js";
import { expectWeights, weighRows } from "../data/row-weights.js";
import { placeOf } from "../data/source-row.js";
import { DataError } from "../errors.js";
import type { WrittenResponse } from "../generation/index.js";
import { formatCount } from "../report/format.js";
import { keepConfig } from "../training/run-directory.js";
import type { EndpointOptions } from "../writing/endpoint-options.js";
import type { AskedRow, WrittenText } from "../writing/written-response.js";
import { completeFromEndpoint } from "./endpoint-responses.js";
import type { OpenedTeacher } from "./open-models.js";
import type { Writer } from "./open-writer.js";
import type { RecipeContext } from "./recipe.js";
import type { SequenceConfig } from "./sequence-options.js";
import { type AnsweredRow, completeResponses } from "./teacher-responses.js";
import { threadsOf } from "./threads-of.js";

/** Every response of a run, one line each, appended as they are written. */
export const writtenFile = "written.jsonl";

export interface WrittenRows {
  readonly rows: readonly AskedRow[];
  /** In the order of the rows and samples. */
  readonly responses: readonly WrittenText[];
  /** Rows whose prompt leaves the writer no room to respond. */
  readonly unanswered: number;
  /** Rows left out because they weigh nothing. */
  readonly weightlessRows: number;
}

/** Has the rows answered, or goes on with it. */
export async function writeResponsesTo(
  { config, emit, signal }: Pick<RecipeContext<SequenceConfig>, "config" | "emit" | "signal">,
  writer: Writer,
): Promise<WrittenRows> {
  emit({ type: "phase", phase: "writing", message: `${writer.name} writes the responses` });
  const { asked, weightlessRows } = await readAskedRows(config);
  await keepConfig(config.output, config);
  const file = join(config.output, writtenFile);
  const { samples } = config.generation;
  const onProgress = (done: number, total: number, figures: readonly string[] = []): void =>
    emit({ type: "progress", task: "writing responses", done, total, unit: "responses", figures });

  if (writer.kind === "endpoint") {
    const { endpoint, options } = writer;
    const responses = await completeFromEndpoint(file, asked, config.generation, {
      endpoint,
      concurrency: options.concurrency,
      wantsLogProb: config.filters.logProb !== undefined,
      signal,
      onProgress: (written, total) => onProgress(written.length, total, costFigures(usageOf(written, options))),
    });
    return { rows: asked, responses, unanswered: 0, weightlessRows };
  }

  const { rows, tokenizer } = await encodeAskedRows(config, writer.model, asked);
  const { load } = writer.model;
  const threads = threadsOf(config);
  const context = { teacher: { load, tokenizer }, threads, signal, onProgress };
  const written = await completeResponses(file, rows, config.generation, context);
  const unanswered = (asked.length - rows.length) * samples;
  return {
    rows: rows.map(({ place }) => asked[place]!),
    responses: asTexts(written, tokenizer),
    unanswered,
    weightlessRows,
  };
}

/** The rows as the writer is asked them. */
export async function readAskedRows({
  data: { train, weightField },
  writer,
}: SequenceConfig): Promise<{ readonly asked: readonly AskedRow[]; readonly weightlessRows: number }> {
  const prompt = makePrompt(writer.prompt, "writer.prompt");
  const asked: AskedRow[] = [];
  let weightlessRows = 0;
  const rows = weighRows(expectWeights(readRows(train), weightField), weightField, () => weightlessRows++);
  for await (const row of rows) asked.push({ row, key: keyOf(row), prompt: prompt.render(row) });
  return { asked, weightlessRows };
}

/**
 * The rows that leave a writer on this machine room to respond, with what it reads.
 *
 * @throws DataError where it has no tokenizer, or would see nothing.
 */
export async function encodeAskedRows(
  { data, writer }: SequenceConfig,
  { name, model, tokenizer }: OpenedTeacher,
  asked: readonly AskedRow[],
): Promise<{ readonly rows: readonly AnsweredRow[]; readonly tokenizer: Tokenizer }> {
  if (!tokenizer) {
    throw new DataError(`data: "${name}" must have a tokenizer to write responses, got none.`, {
      hint: "Add the model's tokenizer.json to its folder.",
    });
  }
  const chatTemplate = await loadChatTemplate(data.template, tokenizer);
  const source = asked.map(({ row }) => row);
  const prompt = makePrompt(writer.prompt, "writer.prompt");
  const prompts = await encodePrompts(source, prompt, { tokenizer, chatTemplate });
  const empty = prompts.findIndex((ids) => ids.length === 0);
  if (empty >= 0) {
    throw new DataError(`data: ${placeOf(source[empty]!)}: the writer must see something to respond to, got nothing.`, {
      hint: "Correct writer.prompt, or give the row's fields some text.",
    });
  }
  const rows = asked.map((row, place): AnsweredRow => ({ ...row, place, prompt: prompts[place]! }));
  return { rows: rows.filter((row) => row.prompt.length < model.shape.maxPositions), tokenizer };
}

/** Responses of a writer on this machine, with their text. */
export function asTexts(written: readonly WrittenResponse[], tokenizer: Tokenizer): readonly WrittenText[] {
  return written.map(({ prompt: row, sample, ids, finishReason, logProb }) => {
    const response = tokenizer.decode(ids.filter((id) => !tokenizer.isSpecial(id)));
    return { row, sample, response, finishReason, logProb, tokens: ids.length, tokenIds: ids };
  });
}

/** What an endpoint counted, and what it costs. */
export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Responses that came without a count. */
  readonly uncounted: number;
  /** In the currency of the prices; null where there are none. */
  readonly cost: number | null;
}

export function usageOf(
  responses: readonly WrittenText[],
  { pricePerMillionTokens: price }: Pick<EndpointOptions, "pricePerMillionTokens">,
): Usage {
  let [promptTokens, completionTokens, uncounted] = [0, 0, 0];
  for (const { usage, finishReason } of responses) {
    promptTokens += usage?.prompt ?? 0;
    completionTokens += usage?.completion ?? 0;
    if (!usage && finishReason !== "refused") uncounted++;
  }
  const cost = price ? (promptTokens * price.prompt + completionTokens * price.completion) / 1e6 : null;
  return { promptTokens, completionTokens, uncounted, cost };
}

function costFigures({ promptTokens, completionTokens, cost }: Usage): readonly string[] {
  const tokens = `${formatCount(promptTokens)} + ${formatCount(completionTokens)} tokens`;
  return cost === null ? [tokens] : [`cost ${cost.toFixed(cost < 1 ? 4 : 2)}`, tokens];
}
