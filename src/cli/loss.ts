/** @file `limbeck loss`: the loss laboratory. Any objective on hand-written distributions, swept, compared, or fitted. */

import type { Command } from "commander";
import type { LossInput } from "../losses/loss-input.js";
import type { VariantRequest } from "../losses/loss-variants.js";
import { packageVersion } from "../version.js";
import { type Context, collect, importModules, jsonLine, makeCommand, readInput } from "./command.js";
import { describeFits, describeLoss, describeVariants } from "./describe-loss.js";
import { UsageError } from "./print-error.js";

interface LossFlags {
  readonly json?: boolean;
  readonly import?: readonly string[];
  readonly sweep?: string;
  readonly compare?: string;
  readonly fit?: boolean;
  readonly html?: string;
}

export function lossCommand({ terminal: { out } }: Context): Command {
  return makeCommand(
    "loss",
    "an objective and its gradient, written by hand",
    "Compute an objective and its gradient on distributions that you write by hand.",
    [
      ["loss case.json", '{ "teacher": { "logits": [[2, 0]] }, "student": { … }, "objective": { … } }'],
      ["loss - --json < case.json", "from standard input, as JSON with the whole gradient"],
      ["loss case.json --sweep temperature=1,2,4,8", "the same at several temperatures"],
      ["loss case.json --compare forward-kl,reverse-kl,jsd", "the same under several divergences"],
      ["loss --fit --compare forward-kl,reverse-kl,jsd", "one Gaussian fitted to a teacher with two peaks"],
      ["loss case.json --import ./my-divergence.js", "with a divergence of your own"],
    ],
  )
    .argument("[file]", 'JSON with teacher, student, targetIds, responseMask and objective; "-" is standard input')
    .option("--sweep <key=values>", "compute it for each value of an option: temperature=1,2,4, hard.weight=0,0.5")
    .option("--compare <names>", "compute it under each of these divergences")
    .option("--fit", "fit a Gaussian to the file's one teacher row, from the student's mean and deviation")
    .option("--html <file>", "with --fit, also write the picture as a page")
    .option("--import <file>", "load a module that defines divergences; repeatable", collect)
    .option("--json", "print one JSON object: value, terms, rows and gradient")
    .action(async (file: string | undefined, flags: LossFlags) => {
      await importModules(flags.import ?? []);
      if (flags.html !== undefined && !flags.fit) {
        throw new UsageError("loss: --html needs --fit, got none.", "Add --fit, or use --json.");
      }
      if (flags.fit) return out.write(await fitStudents(file, flags));
      if (file === undefined) {
        throw new UsageError(
          "loss: expected a file, got none.",
          'Name a JSON file, or "-" for standard input; only --fit has a teacher of its own.',
        );
      }
      out.write(await compute(file, flags));
    });
}

async function compute(file: string, flags: LossFlags): Promise<string> {
  const [{ computeLoss }, { finalObjective }] = await Promise.all([
    import("../losses/loss-laboratory.js"),
    import("../losses/options.js"),
  ]);
  const input = await readCase(file);
  if (flags.sweep === undefined && flags.compare === undefined) {
    const result = await computeLoss(input);
    const settled = { ...input, objective: finalObjective(input.objective) };
    return flags.json ? jsonLine(result) : describeLoss(settled, result);
  }
  const variants = [];
  for (const { set, ...variant } of await variantsIn(input, file, flags)) {
    variants.push({ set, ...(await computeLoss(variant)) });
  }
  return flags.json ? jsonLine({ variants }) : describeVariants(variants);
}

async function fitStudents(file: string | undefined, flags: LossFlags): Promise<string> {
  const [{ fitGaussian, momentsOf, twoPeaks }, { writeFileAtomically }, { fitHtml }] = await Promise.all([
    import("../losses/fit-laboratory.js"),
    import("../weights/index.js"),
    import("../report/fit-html.js"),
  ]);
  const input = file === undefined ? ownCase(twoPeaks()) : await readCase(file);
  const { teacher, student, objective } = input;
  const [teacherRow, studentRow] = [distributions(teacher), distributions(student)];
  const isComparison = Object.values(objective).every(({ kind }) => kind === "divergence");
  if (teacherRow?.length !== 1 || studentRow?.length !== 1 || !isComparison) {
    throw new UsageError(
      "loss: --fit needs one row, the teacher's logits or probabilities, and no hard term.",
      "Leave out the other rows, topK and hard, or leave out the file for a teacher with two peaks.",
    );
  }
  // Without a file there is a question to answer: covering or seeking.
  const compare = flags.compare ?? (file === undefined ? "forward-kl,reverse-kl,jsd" : undefined);
  const fits = [];
  for (const { set, objective: variant } of await variantsIn(input, file ?? "the built-in case", {
    sweep: flags.sweep,
    compare,
  })) {
    const name = Object.entries(set).map(([key, value]) => (key === "divergence" ? `${value}` : `${key} ${value}`));
    const fitted = await fitGaussian(teacherRow[0]!, variant, momentsOf(studentRow[0]!));
    fits.push({ name: name.join(", ") || "the objective", set, ...fitted });
  }
  if (flags.html !== undefined) {
    const page = fitHtml({
      teacher: teacherRow[0]!,
      fits,
      limbeckVersion: packageVersion,
      created: new Date().toISOString(),
    });
    await writeFileAtomically(flags.html, async (handle) => {
      await handle.writeFile(page);
    });
  }
  return flags.json ? jsonLine({ teacher: teacherRow[0], fits }) : describeFits(teacherRow[0]!, fits);
}

async function readCase(file: string): Promise<LossInput> {
  return checked(file === "-" ? "standard input" : file, await readInput(file));
}

async function checked(name: string, text: string): Promise<LossInput> {
  const [{ parseJsonInput }, { lossInputSchema }] = await Promise.all([
    import("../config/parse-json-input.js"),
    import("../losses/loss-input.js"),
  ]);
  return parseJsonInput("loss", name, text, lossInputSchema);
}

/** The case in every variant asked for, each checked like one that was written by hand. */
async function variantsIn(input: LossInput, file: string, request: VariantRequest) {
  const { variantsOf } = await import("../losses/loss-variants.js");
  const variants = [];
  for (const { set, objective } of variantsOf(input.objective, request)) {
    const how = Object.entries(set).map(([key, value]) => `${key}=${value}`);
    variants.push({ set, ...(await checked([file, ...how].join(" with "), JSON.stringify({ ...input, objective }))) });
  }
  return variants;
}

/** The built-in teacher, and a student that starts wide in its middle. */
function ownCase(teacher: readonly number[]): LossInput {
  const student = teacher.map((_, x) => Math.exp(-0.5 * ((x - 28) / 10) ** 2));
  const total = student.reduce((sum, mass) => sum + mass, 0);
  return {
    teacher: { probabilities: [[...teacher]] },
    student: { probabilities: [student.map((mass) => mass / total)] },
    objective: {
      soft: {
        kind: "divergence",
        weight: 1,
        divergence: "forward-kl",
        temperature: 1,
        scaleByTemperatureSquared: true,
      },
    },
  };
}

/** Rows of probabilities; undefined for a top-k. */
function distributions(side: LossInput["teacher"]): readonly (readonly number[])[] | undefined {
  if (side?.probabilities) return side.probabilities;
  return side?.logits?.map((row) => {
    const most = Math.max(...row);
    const masses = row.map((logit) => Math.exp(logit - most));
    const total = masses.reduce((sum, mass) => sum + mass, 0);
    return masses.map((mass) => mass / total);
  });
}
