/** @file Work that may first have to download a model: its progress is shown, and Ctrl-C stops it. */

import type { LocateOptions } from "../weights/hub/index.js";
import { withInterrupt } from "./interrupt.js";
import { showProgress } from "./progress.js";
import type { Output } from "./terminal.js";

/** @param output - where progress and warnings go: standard error. */
export async function withDownloads<Result>(
  output: Output,
  work: (download: LocateOptions) => Promise<Result>,
): Promise<Result> {
  const progress = showProgress(output);
  try {
    return await withInterrupt(progress.note, (signal) => work({ signal, onEvent: progress.show }));
  } finally {
    progress.end();
  }
}
