/** @file Exported files opened again and measured on held-out rows: what each byte costs. */

import type { TransferDocument } from "../data/transfer-set.js";
import { LimbeckError } from "../errors.js";
import { scoresOfTeacher } from "../evaluate/score-batches.js";
import type { Estimate } from "../evaluate/statistics.js";
import { summarizeModel } from "../evaluate/summarize-model.js";
import type { ExportedCost, ExportedFile } from "../report/export-report.js";
import { type LoadedModel, loadModelFolder } from "../weights/load-model.js";
import { measureLatency } from "./measure-latency.js";
import { openExportedLogits, openOwnLogits, type RowLogits } from "./row-logits.js";
import { scoreDocuments } from "./score-documents.js";

/** What was written. */
export interface WrittenModel {
  /** A model folder, or an ONNX file. */
  readonly path: string;
  /** Its path in the exported folder. */
  readonly file: string;
  readonly precision: string;
  readonly bytes: number;
}

export interface MeasureOptions {
  readonly threads: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((task: string, done: number, total: number) => void) | undefined;
}

export interface MeasuredExport {
  readonly student: ExportedCost;
  readonly files: readonly ExportedFile[];
}

/** In nats per token. Rounding in float32 leaves less than 1e-9. */
const mostKlOfFloat32 = 1e-6;

/**
 * Measures the student and all that was written from it, one after the other.
 *
 * @throws LimbeckError `PARITY` where a file in float32 does not compute what the student does.
 */
export async function measureExport(
  student: LoadedModel,
  written: readonly WrittenModel[],
  documents: readonly TransferDocument[],
  options: MeasureOptions,
): Promise<MeasuredExport> {
  const { threads, signal, onProgress } = options;
  const positionCount = documents.reduce((most, { student: { ids } }) => Math.max(most, ids.length), 1);
  const own = await openOwnLogits(student, { threads, positionCount });
  let studentPerplexity: Estimate | null = null;
  const files: ExportedFile[] = [];
  try {
    for (const { path, file, precision, bytes } of written) {
      const logits = await openLogits(path, { threads, positionCount });
      const scores = await scoreDocuments(
        documents,
        logits,
        { logits: own, side: "student" },
        {
          signal,
          onProgress: (done, total) => onProgress?.(`checking ${file}`, done, total),
        },
      ).finally(() => logits.dispose());
      const { perplexity, klFromTeacher, top1Agreement } = summarizeModel(scores, documents);
      if (precision === "float32") expectParity(file, klFromTeacher!.mean.value);
      studentPerplexity ??= summarizeModel(scoresOfTeacher(scores), documents).perplexity;
      const cost = await speedOf(path, options);
      files.push({
        file,
        precision,
        bytes,
        klFromStudent: klFromTeacher!,
        top1Agreement: top1Agreement!,
        perplexity,
        ...cost,
      });
    }
  } finally {
    await own.dispose();
  }
  const cost = await speedOf(student.path, options);
  return { student: { bytes: student.bytesOnDisk, perplexity: studentPerplexity, ...cost }, files };
}

async function openLogits(
  path: string,
  options: { readonly threads: number; readonly positionCount: number },
): Promise<RowLogits> {
  return path.endsWith(".onnx")
    ? openExportedLogits(path, options)
    : openOwnLogits(await loadModelFolder(path), options);
}

/** NaN is no parity either. */
function expectParity(file: string, kl: number): void {
  if (kl <= mostKlOfFloat32) return;
  throw new LimbeckError(
    "PARITY",
    `export: "${file}" must compute what the student does (KL at most ${mostKlOfFloat32} nats per token), got ${kl}.`,
    { hint: "Report this with the student's config.json; nothing was exported.", details: { file, kl } },
  );
}

async function speedOf(
  model: string,
  { threads, signal }: MeasureOptions,
): Promise<Omit<ExportedCost, "bytes" | "perplexity">> {
  const { promptMsPerToken, decodeMsPerToken, peakMemoryBytes } = await measureLatency({ model, threads }, signal);
  return {
    promptTokensPerSecond: 1000 / promptMsPerToken,
    decodeTokensPerSecond: 1000 / decodeMsPerToken,
    peakMemoryBytes,
  };
}
