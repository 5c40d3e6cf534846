/** @file What can be known of a `sequence` run before it: writer, student, prompts and held-out rows, and what it costs. */

import { imagineSequence } from "../recipes/imagine-sequence.js";
import { openStudent } from "../recipes/open-models.js";
import { openWriter, sharedModelOf } from "../recipes/open-writer.js";
import type { SequenceConfig } from "../recipes/sequence-options.js";
import { threadsOf } from "../recipes/threads-of.js";
import { twinObjective } from "../recipes/train-and-report.js";
import type { LocateOptions } from "../weights/hub/index.js";
import { dataFindings, findCosts } from "./check-facts.js";
import { openCheck, type RunCheck } from "./check-findings.js";
import { describeModel } from "./describe-model.js";
import { expectRoom } from "./expect-room.js";

/** An endpoint is not asked anything: its address and the key's place are all that is checked of it. */
export async function checkSequence(
  config: SequenceConfig,
  download: LocateOptions,
  measuring: () => void,
): Promise<RunCheck> {
  const check = openCheck(download.signal);
  const { attempt, add } = check;
  const writer = await attempt(() => openWriter(config.writer, download));
  const model = writer?.kind === "model" ? writer.model : undefined;
  if (model) add(["writer", ...describeModel(model.model, model.tokenizer)]);
  else if (writer) add(["writer", writer.name, { endpoint: writer.name }]);
  const start = { ...config.data, ...config.training };
  const student = writer && (await attempt(() => openStudent(config.student, model, start, download)));
  if (student) add(["student", ...describeModel(student.model, student.tokenizer)]);
  const tokenizer = student?.tokenizer;
  if (writer && student && tokenizer) {
    await attempt(async () => {
      measuring();
      const options = { threads: threadsOf(config), signal: download.signal };
      const imagined = await imagineSequence(config, writer, { ...student, tokenizer }, options);
      const { data, rows, responses, writing } = imagined;
      const { maxTokens } = config.generation;
      const words = `${responses.toLocaleString("en-US")} responses to ${rows.toLocaleString("en-US")} rows, of at most ${maxTokens} tokens each`;
      add(["to write", words, { rows, responses, maxTokens }], ...dataFindings(config, data));
      check.warn(...data.warnings);
      const parts = { teacher: sharedModelOf(writer, tokenizer), student, data, objective: twinObjective };
      await findCosts(check, config, parts, { measuring, writing });
      if (writing === undefined) add(["writing", "takes what the endpoint takes; it is not asked", {}]);
    });
  }
  await attempt(() => expectRoom(config.output, student));
  return check.close();
}
