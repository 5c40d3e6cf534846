/** @file What a `sequence` run learns from: writer and student are opened, responses written and filtered, documents split. */

import { emptyReport, encodeRows } from "../data/encode-rows.js";
import {
  countSharedRows,
  defaultHeldOutFraction,
  type LoadedData,
  loadChatTemplate,
  readRows,
  splitHeldOut,
  type TransferDocument,
  type TransferSet,
  warnAboutRows,
} from "../data/index.js";
import { weighRows } from "../data/row-weights.js";
import { DataError } from "../errors.js";
import type { WritingReport } from "../report/writing-report.js";
import { checkRunDirectory } from "../training/run-directory.js";
import { keepResponses } from "./keep-responses.js";
import { type OpenedStudent, type OpenedTeacher, openStudent } from "./open-models.js";
import { openWriter, sharedModelOf } from "./open-writer.js";
import type { RecipeContext } from "./recipe.js";
import type { SequenceConfig } from "./sequence-options.js";
import { usageOf, writeResponsesTo } from "./write-responses.js";

export interface WrittenSequence {
  /** The writer, where it can be measured beside the student. */
  readonly teacher: OpenedTeacher | undefined;
  readonly student: OpenedStudent;
  readonly data: LoadedData;
  readonly writing: WritingReport;
}

/** Everything before the training. */
export async function openWrittenSequence(context: RecipeContext<SequenceConfig>): Promise<WrittenSequence> {
  const { config, emit, signal, resume } = context;
  const download = { onEvent: emit, signal };
  await checkRunDirectory(config.output, config, resume);
  emit({ type: "phase", phase: "teacher", message: "opening the writer" });
  const writer = await openWriter(config.writer, download);
  const model = writer.kind === "model" ? writer.model : undefined;
  emit({ type: "phase", phase: "student", message: "opening the student" });
  const student = await openStudent(config.student, model, { ...config.data, ...config.training }, download);
  const { tokenizer } = student;
  if (!tokenizer) {
    throw new DataError("student: a student that learns text must have a tokenizer, got none.", {
      hint: "Add the model's tokenizer.json to its folder, or set student.tokenizer.",
    });
  }
  const heldOut = await openHeldOut(config, student);
  const teacher = sharedModelOf(writer, tokenizer);
  const written = await writeResponsesTo(context, writer);
  const { documents, dropped } = await keepResponses(config, written, {
    tokenizer,
    sharesTokenizer: teacher !== undefined,
  });
  const data = splitWritten(documents, written.weightlessRows, heldOut, config);
  for (const warning of data.warnings) emit({ type: "warning", ...warning });
  const { rows, responses, unanswered } = written;
  const writing: WritingReport = {
    writer: writer.name,
    rows: rows.length,
    samples: config.generation.samples,
    written: responses.length,
    kept: documents.length,
    unanswered,
    dropped,
    usage: writer.kind === "endpoint" ? usageOf(responses, writer.options) : null,
  };
  return { teacher, student, data, writing };
}

/** The config's own held-out rows, which are read before anything is written. */
export async function openHeldOut(
  { data: { heldOut, template, sequenceLength, weightField } }: SequenceConfig,
  { tokenizer, model }: Pick<OpenedStudent, "tokenizer" | "model">,
): Promise<TransferSet | undefined> {
  if (heldOut === undefined) return undefined;
  const chatTemplate = await loadChatTemplate(template, tokenizer);
  const { headWidth: vocabSize } = model.shape;
  const rows = weighRows(readRows(heldOut), weightField);
  return encodeRows(rows, { tokenizer, chatTemplate, sequenceLength, vocabSize });
}

/** All responses to a row land on the same side. */
export function splitWritten(
  documents: readonly TransferDocument[],
  weightlessRows: number,
  heldOut: TransferSet | undefined,
  { data: { heldOutFraction = defaultHeldOutFraction } }: SequenceConfig,
): LoadedData {
  const rows = new Set(documents.map(({ origin }) => origin.row)).size;
  const report = { ...emptyReport, rows, ...(weightlessRows > 0 && { weightlessRows }) };
  if (!heldOut) {
    const warnings = warnAboutRows(report);
    return { ...splitHeldOut(documents, heldOutFraction), report: { train: report, heldOut: undefined }, warnings };
  }
  const warnings = [...warnAboutRows(report), ...warnAboutRows(heldOut.report)];
  const overlap = countSharedRows(documents, heldOut.documents);
  if (overlap.shared > 0) {
    warnings.push({
      code: "held-out-rows-in-train",
      message: `${overlap.shared} of ${overlap.heldOut} held-out rows are prompts of the training too: what is measured on them says little about new text.`,
    });
  }
  return { train: documents, heldOut: heldOut.documents, report: { train: report, heldOut: heldOut.report }, warnings };
}
