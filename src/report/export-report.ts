/** @file What an export cost and saved: the data of export.json, which also becomes a part of its run's report.json. */

import type { Estimate } from "../evaluate/statistics.js";

/** The report of an export, exactly as in export.json. All losses in nats, all shares between 0 and 1. */
export interface ExportReport {
  readonly limbeckExport: 1;
  /** ISO 8601, with time zone. */
  readonly created: string;
  readonly limbeckVersion: string;
  /** The exported folder. */
  readonly path: string;
  readonly format: "onnx" | "huggingface";
  readonly machine: string;
  readonly threads: number;
  /** The student as it was before, run by limbeck in float32. */
  readonly student: ExportedCost & { readonly path: string; readonly parameters: number };
  /** The held-out rows that all were measured on. */
  readonly data: { readonly documents: number; readonly tokens: number; readonly responseTokens: number };
  readonly files: readonly ExportedFile[];
}

/** Size, speed and memory of a model. */
export interface ExportedCost {
  readonly bytes: number;
  /** Null where no token was measured. */
  readonly perplexity: Estimate | null;
  readonly promptTokensPerSecond: number;
  /** One token after the other. */
  readonly decodeTokensPerSecond: number;
  readonly peakMemoryBytes: number;
}

/** One exported file, opened again and measured. */
export interface ExportedFile extends ExportedCost {
  /** Its path in the folder. */
  readonly file: string;
  readonly precision: string;
  /** KL(student ‖ file) in nats per token. */
  readonly klFromStudent: { readonly mean: Estimate; readonly median: number; readonly p99: number };
  /** Share of tokens at which the file's most likely token is the student's. */
  readonly top1Agreement: Estimate;
}
