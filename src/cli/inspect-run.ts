/** @file What a run's folder holds: how far the run is, and what came out. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { DataError } from "../errors.js";
import { formatNumber } from "../report/format.js";
import type { Report } from "../report/report.js";
import { reportText } from "../report/terminal.js";
import type { Inspection } from "./inspect.js";

interface StepLine {
  readonly step: number;
  readonly loss?: number;
}

/** @param names - of the files in the folder. */
export async function inspectRun(path: string, names: ReadonlySet<string>): Promise<Inspection> {
  const config = names.has("config.yaml") ? await readAs(join(path, "config.yaml"), readConfig) : undefined;
  const metrics = names.has("metrics.jsonl") ? await readAs(join(path, "metrics.jsonl"), readSteps) : [];
  const report = names.has("report.json") ? await readAs(join(path, "report.json"), readReport) : undefined;
  const checkpoints = names.has("checkpoints") ? (await readdir(join(path, "checkpoints"))).sort() : [];
  const last = metrics.at(-1);
  const state = report !== undefined ? "finished" : last === undefined ? "not begun" : "not finished";
  const progress =
    last === undefined ? "" : `, ${last.step} steps, loss ${formatNumber(last.loss ?? Number.NaN)} at the last`;
  return {
    kind: "run",
    facts: [
      ["recipe", String(config?.recipe ?? "unknown")],
      ["state", state + progress],
      ["checkpoints", checkpoints.length === 0 ? "none" : `${checkpoints.length}, the last ${checkpoints.at(-1)}`],
      ...(report === undefined && last !== undefined ? [["to go on", "limbeck run CONFIG --resume"] as const] : []),
      ...(names.has("student") ? [["student", join(path, "student")] as const] : []),
      ...(names.has("report.html") ? [["report", join(path, "report.html")] as const] : []),
    ],
    ...(report !== undefined && { more: reportText(report) }),
    data: { state, steps: last?.step ?? 0, checkpoints, config: config ?? null, report: report ?? null },
  };
}

/** Optimizer steps; a last line that was cut off while it was written is left out. */
function readSteps(text: string): StepLine[] {
  return text.split("\n").flatMap((line) => {
    try {
      const value = JSON.parse(line) as StepLine;
      return value.loss === undefined ? [] : [value];
    } catch {
      return [];
    }
  });
}

function readConfig(text: string): Readonly<Record<string, unknown>> {
  return parse(text);
}

function readReport(text: string): Report {
  return JSON.parse(text);
}

async function readAs<Content>(path: string, read: (text: string) => Content): Promise<Content> {
  try {
    return read(await readFile(path, "utf8"));
  } catch (cause) {
    throw new DataError(`inspect: "${path}" cannot be read: ${(cause as Error).message}`, { cause });
  }
}
