/** @file The first half of a `sequence` run: responses are written and filtered, and what became of each of them is kept in files. */

import { join } from "node:path";
import { encodePrompts } from "../data/encode-prompts.js";
import { keyOf } from "../data/encode-rows.js";
import { loadChatTemplate, makePrompt, readRows, type SourceRow } from "../data/index.js";
import { expectWeights, weighRows } from "../data/row-weights.js";
import { placeOf } from "../data/source-row.js";
import { DataError } from "../errors.js";
import { formatCount } from "../report/format.js";
import { keepConfig } from "../training/run-directory.js";
import type { EndpointOptions } from "../writing/endpoint-options.js";
import type { AskedRow, WrittenText } from "../writing/written-response.js";
import { completeFromEndpoint } from "./endpoint-responses.js";
import type { Writer } from "./open-writer.js";
import type { RecipeContext } from "./recipe.js";
import type { SequenceConfig } from "./sequence-options.js";
import { completeResponses } from "./teacher-responses.js";
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
  const source: SourceRow[] = [];
  const { train, weightField } = config.data;
  let weightlessRows = 0;
  const weighed = weighRows(expectWeights(readRows(train), weightField), weightField, () => weightlessRows++);
  for await (const row of weighed) source.push(row);
  await keepConfig(config.output, config);
  const prompt = makePrompt(config.writer.prompt, "writer.prompt");
  const asked = source.map((row): AskedRow => ({ row, key: keyOf(row), prompt: prompt.render(row) }));
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

  const { model, load, tokenizer } = writer.model;
  if (!tokenizer) {
    throw new DataError(`data: "${writer.name}" must have a tokenizer to write responses, got none.`, {
      hint: "Add the model's tokenizer.json to its folder.",
    });
  }
  const chatTemplate = await loadChatTemplate(config.data.template, tokenizer);
  const prompts = await encodePrompts(source, prompt, { tokenizer, chatTemplate });
  const empty = prompts.findIndex((ids) => ids.length === 0);
  if (empty >= 0) {
    throw new DataError(`data: ${placeOf(source[empty]!)}: the writer must see something to respond to, got nothing.`, {
      hint: "Correct writer.prompt, or give the row's fields some text.",
    });
  }
  const answerable = [...prompts.keys()].filter((i) => prompts[i]!.length < model.shape.maxPositions);
  const rows = answerable.map((i) => asked[i]!);
  const threads = threadsOf(config);
  const written = await completeResponses(
    file,
    answerable.map((i) => ({ ...asked[i]!, place: i, prompt: prompts[i]! })),
    config.generation,
    { teacher: { load, tokenizer }, threads, signal, onProgress },
  );
  const responses = written.map(({ prompt: row, sample, ids, finishReason, logProb }): WrittenText => {
    const response = tokenizer.decode(ids.filter((id) => !tokenizer.isSpecial(id)));
    return { row, sample, response, finishReason, logProb, tokens: ids.length, tokenIds: ids };
  });
  return { rows, responses, unanswered: (asked.length - rows.length) * samples, weightlessRows };
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
