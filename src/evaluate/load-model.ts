/** @file A model for applications: loaded once into a worker, safe to call concurrently, never blocking the event loop. */

import { InterruptedError } from "../errors.js";
import { startWorker } from "../runtime/worker-host.js";
import { type LocateOptions, locateModel } from "../weights/hub/index.js";
import type { ScoreRequest, ScoreResult } from "./score.js";

/** Dispose it to free the weights: `await model.dispose()`, or `await using`. */
export interface Model extends AsyncDisposable {
  /**
   * Scores a text, token ids or an answer. Calls may overlap; they are run one after the other.
   *
   * @throws LimbeckError `DATA` for what cannot be scored, `INTERRUPTED` when the signal is aborted first.
   */
  score(request: ScoreRequest, options?: { readonly signal?: AbortSignal }): Promise<ScoreResult>;
  dispose(): Promise<void>;
}

/**
 * Loads a model: a folder, or a model on the Hugging Face hub, which is downloaded once.
 *
 * @param options - `signal` and `onEvent` for the download; `offline` to take only what is on this machine.
 * @throws LimbeckError `MODEL` where it is no model that limbeck can run, or as `locateModel`.
 * @example
 * await using model = await loadModel("runs/mine/student");
 * const { perplexity } = await model.score({ text: "The state of the union is strong." });
 */
export async function loadModel(model: string, options: Omit<LocateOptions, "need"> = {}): Promise<Model> {
  const path = await locateModel(model, options);
  const worker = startWorker(new URL("./scoring-worker.js", import.meta.url));
  try {
    await worker.call("open", path);
  } catch (error) {
    await worker.close();
    throw error;
  }
  return {
    async score(request, { signal } = {}) {
      if (signal?.aborted) throw new InterruptedError("score: stopped before it began.");
      return worker.call<ScoreResult>("score", request, { signal });
    },
    dispose: () => worker.close(),
    [Symbol.asyncDispose]: () => worker.close(),
  };
}
