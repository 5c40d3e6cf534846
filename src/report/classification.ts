/** @file What a run reports of models that put texts into classes: a part of report.json. */

import type { ClassSplitFacts } from "../data/class-documents.js";
import type { ClassRival } from "../evaluate/class-worth.js";
import type { ClassQuality } from "../evaluate/classification.js";
import type { Estimate } from "../evaluate/statistics.js";
import type { ModelRole, Report } from "./report.js";
import type { WeakClassifiersReport } from "./weak-classifiers.js";

/** All measured on the held-out texts. */
export interface ClassificationReport {
  /** By number. */
  readonly classes: readonly string[];
  readonly data: { readonly train: ClassSplitFacts; readonly heldOut: ClassSplitFacts };
  /** What told the teacher's classes; null where labels alone taught. */
  readonly teacher: ClassTeacherFacts | null;
  readonly models: readonly ClassModelReport[];
  /** The teacher beside those whom it should be ahead of; left out without one, and where no held-out row has a label. */
  readonly teacherWorth?: readonly ClassRival[];
  /** The student's accuracy minus the twin's on the same texts, resampled in pairs; null without a twin or labels. */
  readonly gainOverTwin: Estimate | null;
  /** Where a weak teacher taught: the gap to the ceiling, and what was recovered of it. */
  readonly weakToStrong?: WeakClassifiersReport;
}

export interface ClassTeacherFacts {
  readonly kind: "classifier" | "label-words" | "rows";
  /** By class its word and, where the teacher is calibrated, the share that the word gets after texts without content. */
  readonly words?: readonly { readonly word: string; readonly share: number | null }[];
}

/** One model, measured on the held-out texts. */
export interface ClassModelReport {
  readonly role: ModelRole;
  readonly name: string;
  /** Null where the rows taught, like the next two. */
  readonly parameters: number | null;
  readonly bytesOnDisk: number | null;
  /** From a text to its class, one text at a time, tokens and n-grams included. */
  readonly milliseconds: { readonly median: number; readonly p95: number } | null;
  /** Null where no held-out row has a label. */
  readonly quality: ClassQuality | null;
  /** Share of texts that the model puts into the teacher's class; null for the teacher and where there is none, like the next. */
  readonly agreement: Estimate | null;
  /** KL(teacher ‖ model) in nats per text. */
  readonly klFromTeacher: Estimate | null;
}

/** The classification's model of a role, where the report has one. */
export function classModelOf(report: ClassificationReport, role: ModelRole): ClassModelReport | undefined {
  return report.models.find((model) => model.role === role);
}

/** The part of the report on classes, for a run that has one. */
export function hasClasses(report: Report): report is Report & { readonly classification: ClassificationReport } {
  return report.classification !== undefined;
}
