/** @file Which parts of the teacher a run's student keeps: chosen once, and kept in the run's folder for when it is resumed. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ModelError, UnsupportedError } from "../errors.js";
import { virtualIds } from "../models/index.js";
import type { ModelParts } from "../students/slice-model.js";
import { writeFileAtomically } from "../weights/index.js";
import type { OpenedStudent } from "./open-models.js";
import type { RecipeContext } from "./recipe.js";
import type { CommonConfig, RunParts } from "./run-parts.js";

/** The file in a run's folder, one line per layer. */
const partsFileName = "student-parts.json";

/** The student with all that depends on training rows: the parts that it keeps, and what its soft prompt starts from. */
export async function settleStudent(
  context: RecipeContext<CommonConfig>,
  parts: RunParts,
  threads: number,
): Promise<OpenedStudent> {
  const student = await chooseParts(context, parts, threads);
  expectPrompt(context.config.recipe, student, parts.data);
  return student.readContext?.(parts.data.train) ?? student;
}

/** Views must begin with the student's soft prompt; recipes that do not put it there cannot train one. */
function expectPrompt(recipe: string, { model: { shape } }: OpenedStudent, { train }: RunParts["data"]): void {
  const [first] = virtualIds(shape);
  if (first === undefined || train.every(({ student }) => student.ids[0] === first)) return;
  throw new UnsupportedError(`student: the recipe "${recipe}" cannot train a soft prompt.`, {
    hint: "Use context, soft-labels or finetune, or a student without one.",
  });
}

/** Parts are as they were before where the run is resumed, for another machine may measure a little otherwise. */
async function chooseParts(
  { config, emit, resume, signal }: RecipeContext<CommonConfig>,
  { student, data }: RunParts,
  threads: number,
): Promise<OpenedStudent> {
  const { pending } = student;
  if (!pending) return student;
  const known = resume ? await readParts(config.output) : undefined;
  if (known) return pending.settle(known);
  emit({ type: "phase", phase: "student", message: "measuring what the teacher's parts do on training rows" });
  const { sequenceLength } = config.data;
  return pending.settle(await pending.choose(data.train, { sequenceLength, threads, signal }));
}

/** Keeps a chosen student's parts in the run's folder. */
export async function keepParts(output: string, { parts }: OpenedStudent): Promise<void> {
  if (!parts) return;
  const text = `[\n${parts.map((layer) => `  ${JSON.stringify(layer)}`).join(",\n")}\n]\n`;
  await writeFileAtomically(join(output, partsFileName), (file) => file.writeFile(text));
}

async function readParts(output: string): Promise<ModelParts | undefined> {
  const path = join(output, partsFileName);
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as ModelParts;
  } catch (cause) {
    throw new ModelError(`"${path}": must be the parts of the teacher as JSON, got ${(cause as Error).message}.`, {
      hint: "Delete it to have them chosen again.",
      cause,
    });
  }
}
