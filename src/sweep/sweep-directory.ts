/** @file A sweep's folder: sweep.json, sweep.html and best.yaml, beside one folder per trial, which is the run of that name. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { LimbeckError, show } from "../errors.js";
import type { RunConfig } from "../recipes/registry.js";
import { sweepHtml } from "../report/sweep-html.js";
import type { SweepReport } from "../report/sweep-report.js";
import { bestSentences } from "../report/sweep-text.js";
import { isTemporaryName, writeFileAtomically } from "../weights/index.js";

const reportFile = "sweep.json";

/** What tells one sweep from another. */
type Definition = Pick<SweepReport, "set" | "search" | "trials">;

/**
 * What the sweep in a folder has done so far; undefined where it is new.
 *
 * @throws LimbeckError `OCCUPIED` where the folder holds something and this is no resume; `NOTHING_TO_RESUME` where it holds no
 *   sweep; `RESUME` where it holds another one.
 */
export async function openSweepDirectory(
  path: string,
  definition: Definition,
  resume: boolean,
): Promise<SweepReport | undefined> {
  const names = (await readdir(path).catch(() => [])).filter((name) => !isTemporaryName(name));
  if (!resume) {
    if (names.length === 0) return undefined;
    const holds = names.includes(reportFile) ? "another sweep" : show(names[0]);
    throw new LimbeckError("OCCUPIED", `output: "${path}" must be new or empty, got a folder that holds ${holds}.`, {
      hint: "Go on with --resume, or choose another folder with --output.",
    });
  }
  if (!names.includes(reportFile)) {
    throw new LimbeckError("NOTHING_TO_RESUME", `output: "${path}" must hold a sweep to resume, got none.`, {
      hint: "Leave out --resume to start a new sweep.",
    });
  }
  const known = await readReport(join(path, reportFile));
  const [then, now] = [known, definition].map(defining);
  if (then === now) return known;
  throw new LimbeckError(
    "RESUME",
    `output: the sweep in "${path}" was started with ${describe(known)}, got ${describe(definition)}.`,
    {
      hint: "Resume with the sweep's own --over, --set and --search, or start a new one with --output.",
    },
  );
}

function defining({ set, search, trials }: Definition): string {
  return JSON.stringify([set, search, trials.map(({ name, overrides }) => [name, overrides])]);
}

function describe({ set, search, trials }: Definition): string {
  const settings = set.length === 0 ? "" : ` set ${set.join(", ")},`;
  return `${search.kind} search,${settings} ${trials.length} trials from ${trials[0]?.name} to ${trials.at(-1)?.name}`;
}

async function readReport(path: string): Promise<SweepReport> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as SweepReport;
  } catch (cause) {
    throw new LimbeckError("FILE", `"${path}": must be a sweep's report as JSON, got ${(cause as Error).message}.`, {
      hint: "Start a new sweep with --output.",
      cause,
    });
  }
}

/** Writes sweep.json, whole or not at all. */
export async function keepSweep(path: string, report: SweepReport): Promise<void> {
  const json = `${JSON.stringify(report, null, 2)}\n`;
  await writeFileAtomically(join(path, reportFile), (file) => file.writeFile(json));
}

/** Writes sweep.json, sweep.html and, where a trial is done, best.yaml: a config that `limbeck run` takes. */
export async function writeSweep(path: string, report: SweepReport, best: RunConfig | undefined): Promise<void> {
  await keepSweep(path, report);
  const page = sweepHtml(report);
  await writeFileAtomically(join(path, "sweep.html"), (file) => file.writeFile(page));
  if (!best) return;
  const comment = bestSentences(report).map((line) => `# ${line}\n`);
  const text = [...comment, stringify(best, { lineWidth: 0 })].join("");
  await writeFileAtomically(join(path, "best.yaml"), (file) => file.writeFile(text));
}
