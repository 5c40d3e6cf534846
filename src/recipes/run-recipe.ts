/** @file Running a recipe from an application: in a worker, with events, cancellable. */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Report } from "../report/report.js";
import { startWorker } from "../runtime/worker-host.js";
import type { RunEvent } from "./recipe.js";
import type { RunConfig } from "./registry.js";
import type { RunRequest } from "./worker.js";

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
  const { signal, onEvent, resume = false, imports = [] } = options;
  const worker = startWorker(new URL("./worker.js", import.meta.url), {
    onEvent: (event) => onEvent?.(event as RunEvent),
  });
  try {
    const request: RunRequest = { config, resume, imports: imports.map(toUrl) };
    const report = await worker.call<Report>("run", request, { signal });
    return { output: config.output, report };
  } finally {
    await worker.close();
  }
}

function toUrl(pathOrUrl: string): string {
  return pathOrUrl.startsWith("file:") ? pathOrUrl : pathToFileURL(resolve(pathOrUrl)).href;
}
