/** @file What is written of a student whose soft prompt was trained: the prompt in PEFT's format, and its base where that is nowhere else. */

import { resolve } from "node:path";
import { promptName } from "../models/soft-prompt.js";
import type { ReadWeight } from "../students/low-rank-adapters.js";
import type { StudentSoftPrompt } from "../students/soft-prompt.js";
import type { StudentModel } from "../students/student-model.js";
import { writeSoftPromptFolder } from "../weights/adapter/soft-prompt-folder.js";
import { writeModelFolder } from "../weights/index.js";

/**
 * Writes `adapter/`, as for every adapter, and then `student/`, which says that the run is done. Both hold the prompt: no model
 * folder could, because a prompt is none of a model's weights.
 *
 * @param read - the present values of a weight.
 */
export async function writePromptedStudent(
  paths: Readonly<Record<"student" | "adapter" | "base", string>>,
  { architecture, shape, config, softPrompt }: StudentModel & { readonly softPrompt: StudentSoftPrompt },
  read: ReadWeight,
  companionsFrom: string | undefined,
): Promise<void> {
  const { baseModel = resolve(paths.base) } = softPrompt;
  if (softPrompt.baseModel === undefined) {
    const specs = architecture.parameters(shape).filter(({ name }) => name !== promptName);
    const tensors = specs.map(({ name, shape }) => ({ name, shape, data: async () => read(name) }));
    await writeModelFolder(paths.base, {
      config,
      tensors,
      dtype: "float32",
      copyFrom: companionsFrom,
      replace: true,
    });
  }
  const contents = {
    baseModel,
    config,
    hiddenSize: shape.hiddenSize,
    layers: shape.layers,
    prompt: await read(promptName),
  };
  await writeSoftPromptFolder(paths.adapter, contents, companionsFrom, { replace: true });
  await writeSoftPromptFolder(paths.student, contents, companionsFrom, { replace: false });
}
