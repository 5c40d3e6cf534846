/** @file What can be known of a `sequence` run before anything is written: writer, student, prompts and held-out rows. */

import { encodeRows } from "../data/encode-rows.js";
import { loadChatTemplate, makePrompt, readRows } from "../data/index.js";
import { expectWeights, weighRows } from "../data/row-weights.js";
import { openStudent } from "../recipes/open-models.js";
import { openWriter } from "../recipes/open-writer.js";
import type { SequenceConfig } from "../recipes/sequence-options.js";
import type { LocateOptions } from "../weights/hub/index.js";
import { openCheck, type RunCheck } from "./check-findings.js";
import { describeModel } from "./describe-model.js";
import { expectRoom } from "./expect-room.js";

/** An endpoint is not asked anything: its address and the key's place are all that is checked of it. */
export async function checkSequence(config: SequenceConfig, download: LocateOptions): Promise<RunCheck> {
  const check = openCheck(download.signal);
  const { attempt, add } = check;
  const writer = await attempt(() => openWriter(config.writer, download));
  const model = writer?.kind === "model" ? writer.model : undefined;
  if (model) add(["writer", ...describeModel(model.model, model.tokenizer)]);
  else if (writer) add(["writer", writer.name, { endpoint: writer.name }]);
  const start = { ...config.data, ...config.training };
  const student = writer && (await attempt(() => openStudent(config.student, model, start, download)));
  if (student) add(["student", ...describeModel(student.model, student.tokenizer)]);
  const rows = await attempt(() => countPrompts(config));
  if (rows !== undefined) {
    const { samples, maxTokens } = config.generation;
    const responses = rows * samples;
    const words = `${responses.toLocaleString("en-US")} responses to ${rows.toLocaleString("en-US")} rows, of at most ${maxTokens} tokens each`;
    add(["to write", words, { rows, responses, maxTokens }]);
  }
  const { heldOut, template, sequenceLength, weightField } = config.data;
  const tokenizer = student?.tokenizer;
  if (heldOut !== undefined && student && tokenizer) {
    await attempt(async () => {
      const chatTemplate = await loadChatTemplate(template, tokenizer);
      const vocabSize = student.model.shape.headWidth;
      const rows = weighRows(readRows(heldOut), weightField);
      const { documents } = await encodeRows(rows, { tokenizer, chatTemplate, sequenceLength, vocabSize });
      add(["held out", `${documents.length.toLocaleString("en-US")} documents`, { documents: documents.length }]);
    });
  }
  await attempt(() => expectRoom(config.output, student));
  return check.close();
}

/** Fills both prompts of every row. */
async function countPrompts({ data, writer, student }: SequenceConfig): Promise<number> {
  const prompts = [makePrompt(writer.prompt, "writer.prompt"), makePrompt(student.prompt, "student.prompt")];
  let rows = 0;
  const { train, weightField } = data;
  for await (const row of weighRows(expectWeights(readRows(train), weightField), weightField)) {
    for (const prompt of prompts) prompt.render(row);
    rows++;
  }
  return rows;
}
