/** @file Exporting a student: written under a temporary name, opened again, measured, and only then there. */

import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { TransferDocument } from "../data/transfer-set.js";
import { InterruptedError, UnsupportedError } from "../errors.js";
import { countParameters } from "../models/index.js";
import type { ExportReport } from "../report/export-report.js";
import { describeMachine } from "../training/run-directory.js";
import { packageVersion } from "../version.js";
import { openModelFolder, writeFolderAtomically } from "../weights/index.js";
import type { LoadedModel } from "../weights/load-model.js";
import type { WeightDtype } from "../weights/safetensors-writer.js";
import { writeModelFolder } from "../weights/write-model-folder.js";
import { writeCompanions } from "./companions.js";
import { measureExport, type WrittenModel } from "./measure-export.js";
import { type CardFacts, modelCard } from "./model-card.js";
import { exportedPositions } from "./onnx-graph.js";
import { chooseDocuments } from "./score-documents.js";
import { type Precision, precisions } from "./weight-store.js";
import { onnxFolder, writeOnnxFiles } from "./write-onnx.js";

export type ExportFormat = "onnx" | "huggingface";

/** What each format's weights may be stored as. */
export const precisionsOf = {
  onnx: precisions,
  huggingface: ["float32", "float16", "bfloat16"],
} as const satisfies Readonly<Record<ExportFormat, readonly string[]>>;

export interface ExportRequest {
  readonly student: LoadedModel;
  /** The folder to be made. */
  readonly to: string;
  readonly format: ExportFormat;
  /** From {@link precisionsOf}; several for ONNX, one for a Hugging Face folder. */
  readonly precisions: readonly string[];
  readonly heldOut: readonly TransferDocument[];
  readonly card: Omit<CardFacts, "name">;
  readonly threads: number;
}

export interface ExportOptions {
  readonly signal?: AbortSignal | undefined;
  /** What is being done now; `total` 0 where it cannot be counted. */
  readonly onProgress?: ((task: string, done: number, total: number) => void) | undefined;
}

/** Tokens of the held-out rows that are measured on: more say little more, and cost as much as the first. */
const mostTokens = 4096;

/**
 * Exports a student and says what that cost.
 *
 * @throws LimbeckError `FILE` where the folder is occupied; `PARITY` where a float32 file does not compute what the student does;
 *   `UNSUPPORTED` for a precision that the format does not have; `INTERRUPTED`. Nothing is left in any of these cases.
 */
export async function exportStudent(request: ExportRequest, options: ExportOptions = {}): Promise<ExportReport> {
  const { student, to, format, threads, card } = request;
  expectPrecisions(request);
  const documents = chooseDocuments(request.heldOut, { mostTokens, longest: exportedPositions(student) });
  let report: ExportReport | undefined;
  await writeFolderAtomically(to, async (folder) => {
    const written = format === "onnx" ? await writeOnnx(folder, request) : await writeHuggingFace(folder, request);
    if (options.signal?.aborted) throw new InterruptedError("export: stopped before the files were checked.");
    const measured = await measureExport(student, written, documents, { ...options, threads });
    report = {
      limbeckExport: 1,
      created: new Date().toISOString(),
      limbeckVersion: packageVersion,
      path: to,
      format,
      machine: describeMachine(),
      threads,
      student: {
        path: student.path,
        parameters: countParameters(student.architecture.parameters(student.shape)),
        ...measured.student,
      },
      data: {
        documents: documents.length,
        tokens: documents.reduce((sum, { student: { ids } }) => sum + ids.length, 0),
        responseTokens: documents.reduce((sum, { responseTokens }) => sum + responseTokens, 0),
      },
      files: measured.files,
    };
    await writeFile(join(folder, "README.md"), modelCard(report, { ...card, name: basename(to) }));
    await writeFile(join(folder, "export.json"), `${JSON.stringify(report, undefined, 2)}\n`);
  });
  return report!;
}

function expectPrecisions({ format, precisions: asked }: ExportRequest): void {
  const known: readonly string[] = precisionsOf[format];
  const unknown = asked.find((precision) => !known.includes(precision));
  if (unknown !== undefined) {
    throw new UnsupportedError(
      `export: the precision of format ${format} must be one of ${known.join(", ")}, got ${unknown}.`,
      { hint: format === "huggingface" ? "Use --format onnx for int8 and int4." : "Leave it out, or choose another." },
    );
  }
  if (format === "huggingface" && asked.length !== 1) {
    throw new UnsupportedError(`export: a Hugging Face folder has one precision, got ${asked.join(", ")}.`, {
      hint: "Export each into a folder of its own.",
    });
  }
}

async function writeOnnx(folder: string, { student, precisions: asked }: ExportRequest): Promise<WrittenModel[]> {
  await mkdir(folder, { recursive: true });
  const files = await writeOnnxFiles(folder, student, asked as readonly Precision[]);
  await writeCompanions(folder, student, files);
  return files.map(({ precision, name, bytes }) => {
    return { path: join(folder, onnxFolder, name), file: `${onnxFolder}/${name}`, precision, bytes };
  });
}

async function writeHuggingFace(
  folder: string,
  { student, precisions: asked }: ExportRequest,
): Promise<WrittenModel[]> {
  const precision = asked[0] as WeightDtype;
  const tensors = [...student.weights].map(([name, { dims, data }]) => {
    return { name, shape: dims, data: data as Float32Array };
  });
  await writeModelFolder(folder, { config: student.config, tensors, dtype: precision, copyFrom: student.path });
  await using written = await openModelFolder(folder);
  return [{ path: folder, file: "model.safetensors", precision, bytes: written.bytesOnDisk }];
}
