/** @file A student of which only a part is trained: low-rank adapters, a soft prompt, or all that is not frozen. */

import { LimbeckError } from "../errors.js";
import { countParameters } from "../models/architecture.js";
import { promptName, withSoftPrompt } from "../models/soft-prompt.js";
import { frozenWeights } from "../students/freeze.js";
import { addAdapters, findTargets } from "../students/low-rank-adapters.js";
import type { ModelDescription } from "../students/slice-model.js";
import { addSoftPrompt, findContext, type SoftPromptOptions } from "../students/soft-prompt.js";
import { nameAdapterBase } from "../weights/adapter/adapter-folder.js";
import { hashOf } from "./hash-of.js";
import type { OpenedStudent } from "./open-models.js";
import type { StudentOptions } from "./student-options.js";

/**
 * Applies `adapters:`, `softPrompt:` or `freeze:`; the student as it is where there is none of them.
 *
 * @throws LimbeckError `STUDENT` where the model does not have what is named.
 */
export function trainPartly(student: OpenedStudent, options: StudentOptions, seed: number): OpenedStudent {
  const { adapters, softPrompt, freeze } = options;
  const { pending, start } = student;
  if (student.model.shape.virtualTokens !== undefined) return learnOn(student, options);
  const settled: Pick<OpenedStudent, "pending"> = {
    pending: pending && { ...pending, settle: (parts) => trainPartly(pending.settle(parts), options, seed) },
  };
  if (adapters) {
    const names = { seed, baseModel: student.storedAs };
    return {
      ...student,
      ...settled,
      start: async () => addAdapters(await start(), adapters, names),
      fingerprint: hashOf([student.fingerprint, adapters, seed]),
      trainedParameters: adapterParameters(student.model, adapters),
    };
  }
  if (softPrompt) return { ...putPromptBefore(student, softPrompt, seed), ...settled };
  if (!freeze) return { ...student, ...settled };
  const frozen = frozenWeights(student.model, freeze);
  const { architecture, shape } = student.model;
  const trained = architecture.parameters(shape).filter(({ name }) => !frozen.has(name));
  return {
    ...student,
    ...settled,
    start: async () => ({ ...(await start()), frozen }),
    trainedParameters: countParameters(trained),
  };
}

/** A model that has a soft prompt goes on learning it; its weights stay as they are. */
function learnOn(student: OpenedStudent, options: StudentOptions): OpenedStudent {
  const refused = (["adapters", "softPrompt", "freeze"] as const).find((key) => options[key] !== undefined);
  if (refused !== undefined) {
    throw new LimbeckError(
      "STUDENT",
      `student.${refused}: expected a model without a soft prompt, got "${student.origin}", which has one that goes on learning.`,
      { hint: "Leave the key out, or name the base model." },
    );
  }
  const { start, companionsFrom, model } = student;
  const { virtualTokens = 0, hiddenSize } = model.shape;
  return {
    ...student,
    async start() {
      const model = await start();
      const frozen = new Set([...model.weights.keys()].filter((name) => name !== promptName));
      const baseModel = companionsFrom === undefined ? undefined : await nameAdapterBase(companionsFrom);
      return { ...model, frozen, softPrompt: { baseModel } };
    },
    trainedParameters: virtualTokens * hiddenSize,
  };
}

/** @param context - what the teacher sees besides, where the training rows have been read. */
function putPromptBefore(
  student: OpenedStudent,
  options: SoftPromptOptions,
  seed: number,
  context?: readonly number[],
): OpenedStudent {
  const { model, start, tokenizer, storedAs, fingerprint } = student;
  return {
    ...student,
    model: withSoftPrompt(model, options.tokens),
    start: async () => addSoftPrompt(await start(), options, { seed, tokenizer, context }, { baseModel: storedAs }),
    fingerprint: hashOf([fingerprint, options, seed]),
    trainedParameters: options.tokens * model.shape.hiddenSize,
    readContext: (documents) => putPromptBefore(student, options, seed, findContext(documents, options.tokens)),
  };
}

function adapterParameters(
  model: ModelDescription,
  { rank, targets }: NonNullable<StudentOptions["adapters"]>,
): number {
  return findTargets(model, targets).reduce((sum, { shape }) => sum + rank * (shape[0]! + shape[1]!), 0);
}
