/** @file What a run's folder holds: how far the run is, and what came out. */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { DataError } from "../errors.js";
import { formatCount, formatNumber } from "../report/format.js";
import type { Report } from "../report/report.js";
import { reportText } from "../report/terminal.js";
import type { CheckpointState } from "../training/checkpoint.js";
import { isEvaluation, readMetrics, type StepLine } from "../training/metrics.js";
import { openSafetensors } from "../weights/index.js";
import { elementCount } from "../weights/safetensors-header.js";
import type { Inspection } from "./inspection.js";

/** @param names - of the files in the folder. */
export async function inspectRun(path: string, names: ReadonlySet<string>): Promise<Inspection> {
  const config = names.has("config.yaml") ? await readAs(join(path, "config.yaml"), readConfig) : undefined;
  const metrics = await readMetrics(join(path, "metrics.jsonl"));
  const report = names.has("report.json") ? await readAs(join(path, "report.json"), readReport) : undefined;
  const checkpoints = (await readdir(join(path, "checkpoints")).catch(() => [])).filter((name) =>
    name.startsWith("step-"),
  );
  const last = metrics.findLast((line): line is StepLine => !isEvaluation(line));
  const state = report !== undefined ? "finished" : last === undefined ? "not begun" : "not finished";
  const progress = last === undefined ? "" : `, ${last.step} steps, loss ${formatNumber(last.loss)} at the last`;
  return {
    kind: "run",
    facts: [
      ["recipe", String(config?.recipe ?? "unknown")],
      ["state", state + progress],
      [
        "checkpoints",
        checkpoints.length === 0 ? "none" : `${checkpoints.length}, the last ${checkpoints.toSorted().at(-1)}`,
      ],
      ...(report === undefined && last !== undefined ? [["to go on", "limbeck run CONFIG --resume"] as const] : []),
      ...(names.has("student") ? [["student", join(path, "student")] as const] : []),
      ...(names.has("report.html") ? [["report", join(path, "report.html")] as const] : []),
    ],
    ...(report !== undefined && { more: reportText(report) }),
    data: { state, steps: last?.step ?? 0, checkpoints, config: config ?? null, report: report ?? null },
  };
}

/** A checkpoint: the step it belongs to, and how much it keeps. */
export async function inspectCheckpoint(path: string): Promise<Inspection> {
  const { step, seed } = await readAs(join(path, "state.json"), readState);
  await using weights = await openSafetensors(join(path, "weights.safetensors"));
  const elements = weights.names().reduce((sum, name) => sum + elementCount(weights.info(name).shape), 0);
  return {
    kind: "checkpoint",
    facts: [
      ["step", step.toLocaleString("en-US")],
      ["holds", `${formatCount(elements)} weights in ${weights.names().length} tensors, with both moments of each`],
      ["seed", String(seed)],
    ],
    data: { step, seed, elements, tensors: weights.names().length },
  };
}

function readState(text: string): CheckpointState {
  return JSON.parse(text);
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
