/** @file The worker's entry: a whole run happens here, so that the main thread stays free. */

import { serveWorker } from "../runtime/serve-worker.js";
import { captureRun } from "./capture-run.js";
import { openWrittenSequence } from "./open-sequence-data.js";
import type { RecipeContext } from "./recipe.js";
import { recipes } from "./recipes.js";
import type { RunConfig } from "./registry.js";
import { type SelectionRequest, selectRows } from "./select-rows.js";
import type { SequenceConfig } from "./sequence-options.js";

/** What the main thread asks for. */
export interface RunRequest {
  readonly config: RunConfig;
  readonly resume: boolean;
  /** URLs of modules that define divergences or architectures. */
  readonly imports: readonly string[];
}

/** The writing alone. */
export type GenerationRequest = { readonly config: SequenceConfig; readonly resume: boolean };

serveWorker({
  async run(argument, { emit, signal }) {
    const { config, resume, imports } = argument as RunRequest;
    for (const url of imports) await import(url);
    const recipe = recipes[config.recipe] as { run(context: RecipeContext<RunConfig>): Promise<unknown> };
    return recipe.run({ config, resume, signal, emit });
  },
  async capture(argument, { emit, signal }) {
    const { config, imports } = argument as RunRequest;
    for (const url of imports) await import(url);
    return captureRun({ config, signal, emit });
  },
  async generate(argument, { emit, signal }) {
    const { config, resume } = argument as GenerationRequest;
    const { writing } = await openWrittenSequence({ config, resume, signal, emit });
    return writing;
  },
  async select(argument, { emit, signal }) {
    return selectRows(argument as SelectionRequest, { emit, signal });
  },
});
