/** @file `limbeck loss`: values and gradients of any objective on hand-written distributions. */

import type { Command } from "commander";
import type { LossInput } from "../losses/loss-input.js";
import type { LossResult } from "../losses/loss-laboratory.js";
import type { ObjectiveTerm, SettledObjective } from "../losses/options.js";
import { formatNumber } from "../report/format.js";
import { type Context, collect, importModules, jsonLine, makeCommand, readInput } from "./command.js";
import { facts, table } from "./terminal.js";

interface LossFlags {
  readonly json?: boolean;
  readonly import?: readonly string[];
}

export function lossCommand({ terminal: { out } }: Context): Command {
  return makeCommand(
    "loss",
    "an objective and its gradient, written by hand",
    "Compute an objective and its gradient on distributions that you write by hand.",
    [
      ["loss case.json", '{ "teacher": { "logits": [[2, 0]] }, "student": { … }, "objective": { … } }'],
      ["loss - --json < case.json", "from standard input, as JSON with the whole gradient"],
      ["loss case.json --import ./my-divergence.js", "with a divergence of your own"],
    ],
  )
    .argument("<file>", 'JSON with teacher, student, targetIds, responseMask and objective; "-" is standard input')
    .option("--import <file>", "load a module that defines divergences; repeatable", collect)
    .option("--json", "print one JSON object: value, terms, rows and gradient")
    .action(async (file: string, flags: LossFlags) => {
      const [{ parseJsonInput }, { lossInputSchema }, { computeLoss }, { finalObjective }] = await Promise.all([
        import("../config/parse-json-input.js"),
        import("../losses/loss-input.js"),
        import("../losses/loss-laboratory.js"),
        import("../losses/options.js"),
      ]);
      await importModules(flags.import ?? []);
      const input = parseJsonInput(
        "loss",
        file === "-" ? "standard input" : file,
        await readInput(file),
        lossInputSchema,
      );
      const result = await computeLoss(input);
      const objective = finalObjective(input.objective);
      out.write(flags.json ? jsonLine(result) : describeLoss({ ...input, objective }, result));
    });
}

interface SettledInput extends LossInput {
  readonly objective: SettledObjective;
}

function describeLoss(input: SettledInput, { value, terms, rows, gradient }: LossResult): string {
  const mask = rows.map((_, row) => input.responseMask?.[row] ?? 1);
  const counted = mask.filter((isCounted) => isCounted === 1).length;
  const total = facts([["value", `${formatNumber(value)} nats, the mean of ${counted} of ${rows.length} rows`]]);
  const termRows = Object.entries(terms).map(([name, mean]) => {
    const term = input.objective[name]!;
    return [name, formatNumber(term.weight), formatNumber(mean), describeTerm(term)];
  });
  const perRow = rows.map((nats, row) => {
    const slopes = gradient[row]!;
    const norm = Math.hypot(...slopes);
    const steepest = slopes.reduce((best, slope, id) => (Math.abs(slope) > Math.abs(slopes[best]!) ? id : best), 0);
    return mask[row] === 1
      ? [String(row), formatNumber(nats), formatNumber(norm), `${formatNumber(slopes[steepest]!)} at id ${steepest}`]
      : [String(row), "masked"];
  });
  const shown = perRow.slice(0, 20);
  const more =
    perRow.length > shown.length ? `… and ${perRow.length - shown.length} more rows; --json has them all\n` : "";
  return [
    total,
    table([["term", "weight", "nats", "how"], ...termRows], [3]),
    table([["row", "nats", "|gradient|", "largest slope"], ...shown]) + more,
  ].join("\n");
}

function describeTerm(term: ObjectiveTerm): string {
  switch (term.kind) {
    case "cross-entropy":
      return "cross-entropy with targetIds";
    case "confidence":
      return "cross-entropy with the student's own likeliest id";
    case "divergence":
      return `${term.divergence} at temperature ${term.temperature}${term.scaleByTemperatureSquared ? ", times its square" : ""}`;
  }
}
