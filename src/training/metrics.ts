/** @file metrics.jsonl: one line per optimizer step and per evaluation, written as they happen, cut back on resume. */

import { appendFile, readFile } from "node:fs/promises";
import { LimbeckError } from "../errors.js";
import { writeFileAtomically } from "../weights/index.js";

/** One optimizer step; loss and terms are from before the update. */
export interface StepLine {
  readonly step: number;
  readonly loss: number;
  readonly terms: Readonly<Record<string, number>>;
  /** Per term the L2 norm of its gradient by the student's logits of the step's rows, without its weight; left out unless asked for. */
  readonly termGradientNorms?: Readonly<Record<string, number>>;
  /** Weights at this step of the terms whose weight changes over the run; left out where none does. */
  readonly weights?: Readonly<Record<string, number>>;
  /** The same of temperatures. */
  readonly temperatures?: Readonly<Record<string, number>>;
  /** L2 before clipping. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Tokens that the student read in this step. */
  readonly tokens: number;
  readonly tokensPerSecond: number;
}

/** What the student does on held-out rows after a step. */
export interface Evaluation {
  /** The objective, as in the step lines, with the weights and temperatures of the run's last step, and every row counted once. */
  readonly loss: number;
  /** exp of the mean cross-entropy with the text, or with the labels. */
  readonly perplexity: number;
  /** Share of labelled documents put into their class; left out where tokens are predicted. */
  readonly accuracy?: number;
  /** Mean KL(teacher ‖ student) at temperature 1, in nats per token; left out without a teacher. */
  readonly klTeacherStudent?: number;
}

export interface EvaluationLine {
  readonly step: number;
  readonly evaluation: Evaluation;
}

export type MetricsLine = StepLine | EvaluationLine;

export function isEvaluation(line: MetricsLine): line is EvaluationLine {
  return "evaluation" in line;
}

/** @throws LimbeckError `FILE` where the system refuses, such as on a full disk. */
export async function appendMetrics(path: string, line: MetricsLine): Promise<void> {
  await appendFile(path, `${JSON.stringify(line)}\n`).catch((cause: Error) => {
    throw new LimbeckError("FILE", `"${path}": could not be written, got ${cause.message}.`, {
      hint: "Free some space, then go on with --resume.",
      cause,
    });
  });
}

/** The complete lines of a metrics file; none where there is no file. A line cut off by a crash is left out. */
export async function readMetrics(path: string): Promise<readonly MetricsLine[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as MetricsLine);
}

/** Drops everything after `step`, so that no step is written twice when a run goes on from there. */
export async function truncateMetrics(path: string, step: number): Promise<readonly MetricsLine[]> {
  const lines = (await readMetrics(path)).filter((line) => line.step <= step);
  await writeFileAtomically(path, async (file) => {
    await file.writeFile(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  });
  return lines;
}

/** The evaluation with the lowest loss, the earliest of equals. */
export function bestEvaluation(lines: readonly MetricsLine[]): EvaluationLine | undefined {
  return lines
    .filter(isEvaluation)
    .reduce<EvaluationLine | undefined>(
      (best, line) => (best && best.evaluation.loss <= line.evaluation.loss ? best : line),
      undefined,
    );
}
