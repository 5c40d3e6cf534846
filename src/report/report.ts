/** @file What a run reports: the data of report.json, from which report.html and the terminal's table are made. */

import type { PrecisionCost } from "../evaluate/measure-precision.js";
import type { Estimate } from "../evaluate/statistics.js";
import type { TeacherWorth } from "../evaluate/teacher-worth.js";
import type { ClassificationReport } from "./classification.js";
import type { ContextReport } from "./context-report.js";
import type { ExportReport } from "./export-report.js";
import type { WeakToStrongReport } from "./weak-to-strong.js";
import type { WritingReport } from "./writing-report.js";

/** The report of a run, exactly as in report.json. All losses in nats, all shares between 0 and 1. */
export interface Report {
  readonly limbeckReport: 1;
  readonly run: RunFacts;
  readonly data: DataFacts;
  /** What was written for the run and kept of it; left out where the rows were given. */
  readonly writing?: WritingReport;
  /** At most one per role. `student-after` is always there. */
  readonly models: readonly ModelReport[];
  /** What its precision costs the teacher; left out where it computed in float32. */
  readonly teacherPrecision?: PrecisionCost;
  /** Whether the teacher is any good; left out without one, and in older reports. */
  readonly teacherWorth?: TeacherWorth;
  /**
   * The twin's loss minus the student's on the same held-out tokens, in nats per token, resampled in pairs: above 0 the
   * student is better. Null without a twin.
   */
  readonly gainOverTwin: Estimate | null;
  /** The gap between weak teacher and ceiling, and what was recovered of it; left out by other recipes. */
  readonly weakToStrong?: WeakToStrongReport;
  readonly history: { readonly student: History; readonly twin: History | null };
  /** Held-out tokens with the largest KL(teacher ‖ student), largest first. */
  readonly tokensThatDiffer: readonly DifferingToken[];
  readonly warnings: readonly ReportWarning[];
  /** What only a run of the `context` recipe reports. */
  readonly context?: ContextReport;
  /** Where the run's models put texts into classes: how well; left out elsewhere. */
  readonly classification?: ClassificationReport;
  /** What was exported from the run's student, the latest last; left out before the first export. */
  readonly exports?: readonly ExportReport[];
}

/** How the run was made. */
export interface RunFacts {
  readonly recipe: string;
  /** ISO 8601, with time zone. */
  readonly created: string;
  readonly seconds: number;
  readonly limbeckVersion: string;
  /** In words: processor, cores, memory, operating system, Node version. */
  readonly machine: string;
  readonly device: string;
  readonly threads: number;
  readonly seed: number;
  /** Where the student's weights started, in words, and how many of them were trained; left out in older reports. */
  readonly student?: { readonly origin: string; readonly trainedParameters: number };
  /** The resolved config. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** What was trained on and what was measured on. */
export interface DataFacts {
  readonly train: SplitFacts;
  readonly heldOut: SplitFacts;
  /** Share of the training positions that packing left empty. */
  readonly waste: number;
}

export interface SplitFacts {
  readonly rows: number;
  readonly tokens: number;
  readonly responseTokens: number;
  /** Rows left out: no response token, or too long. */
  readonly droppedRows: number;
}

export type ModelRole = "teacher" | "teacher-without-context" | "student-before" | "student-after" | "twin";

/** One model, measured on the held-out rows. */
export interface ModelReport {
  readonly role: ModelRole;
  readonly name: string;
  readonly parameters: number;
  readonly bytesOnDisk: number;
  /** Forward only, at the evaluation's batch size. */
  readonly tokensPerSecond: number;
  readonly peakMemoryBytes?: number;
  /** Null where no token was measured. */
  readonly perplexity: Estimate | null;
  /** Null where the rows are token ids, whose bytes are not known. */
  readonly bitsPerByte: Estimate | null;
  /** KL(teacher ‖ model) in nats per token; null for the teacher and where there is none. */
  readonly klFromTeacher: { readonly mean: Estimate; readonly median: number; readonly p99: number } | null;
  /** Share of tokens at which the model's most likely token is the teacher's. */
  readonly top1Agreement: Estimate | null;
}

/** A training run's course, each list at most {@link HISTORY_POINTS} long; metrics.jsonl has every step. */
export interface History {
  readonly steps: readonly StepPoint[];
  readonly evaluations: readonly EvaluationPoint[];
  /** Step of the weights that were kept and are measured in `models`: the best evaluation's, or the last. */
  readonly keptStep: number;
}

export interface StepPoint {
  readonly step: number;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Per term, by the student's logits and without its weight; left out where `training.termGradientNorms` is off. */
  readonly termGradientNorms?: Readonly<Record<string, number>>;
}

export interface EvaluationPoint {
  readonly step: number;
  readonly loss: number;
  readonly perplexity: number;
  /** Left out where tokens are predicted. */
  readonly accuracy?: number;
  /** Left out where there is no teacher. */
  readonly klTeacherStudent?: number;
}

/** One held-out token in its context, and what the two models expected in its place. */
export interface DifferingToken {
  readonly before: string;
  readonly token: string;
  readonly after: string;
  /** Of the token in the student's view of its document, from 0. */
  readonly position: number;
  /** KL(teacher ‖ student) in nats. */
  readonly kl: number;
  /** Five, most likely first. */
  readonly teacherTop: readonly TokenProbability[];
  readonly studentTop: readonly TokenProbability[];
  readonly origin: { readonly file: string; readonly line: number };
}

export interface TokenProbability {
  readonly text: string;
  readonly probability: number;
}

export interface ReportWarning {
  readonly code: string;
  readonly message: string;
}

/** The longest a {@link History} list gets. */
export const HISTORY_POINTS = 500;

/** At most `limit` of the points, evenly spread, the first and the last always among them. */
export function thinOut<Point>(points: readonly Point[], limit: number = HISTORY_POINTS): readonly Point[] {
  if (points.length <= limit) return points;
  return Array.from({ length: limit }, (_, i) => points[Math.round((i * (points.length - 1)) / (limit - 1))]!);
}

/** The model of a role, where the report has one. */
export function modelOf(report: Report, role: ModelRole): ModelReport | undefined {
  return report.models.find((model) => model.role === role);
}
