/** @file Running a recipe from an application: in a worker, with events, cancellable. */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Report } from "../report/report.js";
import { startWorker } from "../runtime/worker-host.js";
import type { CaptureResult } from "./capture-run.js";
import type { RunEvent } from "./recipe.js";
import type { RunConfig } from "./registry.js";
import type { RunRequest } from "./worker.js";

export type { CaptureResult } from "./capture-run.js";
export type { RunEvent } from "./recipe.js";
export type { RunConfig } from "./registry.js";

export interface RunOptions {
  /** Aborting it writes a checkpoint and rejects with `INTERRUPTED`. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
  /** Go on with the run in `config.output`. */
  readonly resume?: boolean;
  /** Modules that define divergences or architectures: paths or URLs, loaded in the worker too. */
  readonly imports?: readonly string[];
}

export interface RunResult {
  /** The run's folder. */
  readonly output: string;
  readonly report: Report;
}

/**
 * Runs a recipe to its report.
 *
 * @param config - validated by the recipe's schema: see `loadConfig`.
 * @throws LimbeckError by its `code`: `OCCUPIED` where the output holds another run, `DATA`, `MODEL`, `NON_FINITE`, `INTERRUPTED`.
 * @example
 * const config = await loadConfig("configs/mine.yaml");
 * const { report } = await runRecipe(config, { onEvent: (event) => event.type === "step" && show(event.loss) });
 */
export async function runRecipe(config: RunConfig, options: RunOptions = {}): Promise<RunResult> {
  return { output: config.output, report: await inWorker<Report>("run", config, options) };
}

/**
 * Asks a config's teacher all that its run would ask, and keeps it in the config's cache. What is there is not asked again.
 *
 * @param config - validated by the recipe's schema: see `loadConfig`.
 * @throws LimbeckError by its `code`: `CACHE`, `DATA`, `MODEL`, `INTERRUPTED`.
 */
export async function captureRecipe(
  config: RunConfig,
  options: Omit<RunOptions, "resume"> = {},
): Promise<CaptureResult> {
  return inWorker<CaptureResult>("capture", config, options);
}

async function inWorker<Result>(method: string, config: RunConfig, options: RunOptions): Promise<Result> {
  const { signal, onEvent, resume = false, imports = [] } = options;
  const worker = startWorker(new URL("./worker.js", import.meta.url), {
    onEvent: (event) => onEvent?.(event as RunEvent),
  });
  try {
    const request: RunRequest = { config, resume, imports: imports.map(toUrl) };
    return await worker.call<Result>(method, request, { signal });
  } finally {
    await worker.close();
  }
}

function toUrl(pathOrUrl: string): string {
  return pathOrUrl.startsWith("file:") ? pathOrUrl : pathToFileURL(resolve(pathOrUrl)).href;
}
