/** @file The parts of a run that have a command of their own, in the recipes' worker: writing responses, and selecting rows. */

import type { WritingReport } from "../report/writing-report.js";
import { startWorker } from "../runtime/worker-host.js";
import type { RunEvent } from "./recipe.js";
import type { Selection, SelectionRequest } from "./select-rows.js";
import type { GenerationRequest } from "./worker.js";

export interface WorkerOptions {
  readonly signal: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
}

/** Writes and filters the responses of a `sequence` config into its output folder; `runRecipe` with `resume` goes on from there. */
export function generateResponses(request: GenerationRequest, options: WorkerOptions): Promise<WritingReport> {
  return callWorker("generate", request, options);
}

/** Scores rows, and keeps a share of them. */
export function selectInWorker(request: SelectionRequest, options: WorkerOptions): Promise<Selection> {
  return callWorker("select", request, options);
}

async function callWorker<Result>(
  method: string,
  request: unknown,
  { signal, onEvent }: WorkerOptions,
): Promise<Result> {
  const worker = startWorker(new URL("./worker.js", import.meta.url), {
    onEvent: (event) => onEvent(event as RunEvent),
  });
  try {
    return await worker.call<Result>(method, request, { signal });
  } finally {
    await worker.close();
  }
}
