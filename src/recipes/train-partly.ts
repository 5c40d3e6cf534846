/** @file A student of which only a part is trained: low-rank adapters, or all that is not frozen. */

import { countParameters } from "../models/architecture.js";
import { frozenWeights } from "../students/freeze.js";
import { addAdapters, findTargets } from "../students/low-rank-adapters.js";
import type { ModelDescription } from "../students/slice-model.js";
import { hashOf } from "./hash-of.js";
import type { OpenedStudent } from "./open-models.js";
import type { StudentOptions } from "./student-options.js";

/**
 * Applies `adapters:` or `freeze:`; the student as it is where there is neither.
 *
 * @throws LimbeckError `STUDENT` where the model does not have what is named.
 */
export function trainPartly(student: OpenedStudent, options: StudentOptions, seed: number): OpenedStudent {
  const { adapters, freeze } = options;
  const { pending, start } = student;
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

function adapterParameters(
  model: ModelDescription,
  { rank, targets }: NonNullable<StudentOptions["adapters"]>,
): number {
  return findTargets(model, targets).reduce((sum, { shape }) => sum + rank * (shape[0]! + shape[1]!), 0);
}
