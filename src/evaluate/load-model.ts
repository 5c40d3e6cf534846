/** @file A model for applications: loaded once into a worker, safe to call concurrently, never blocking the event loop. */

import { InterruptedError } from "../errors.js";
import type { GenerateRequest, GenerateResult } from "../generation/generate-text.js";
import { startWorker, type WorkerHost } from "../runtime/worker-host.js";
import { type LocateOptions, locateModel } from "../weights/hub/index.js";
import type { Precision } from "../weights/quantize/index.js";
import type { ClassifyRequest, ClassifyResult } from "./classifier.js";
import type { ModelAbilities } from "./model-worker.js";
import type { ScoreRequest, ScoreResult } from "./score.js";

/** What to generate, and when to stop early. */
export interface GenerateOptions extends GenerateRequest {
  /** Aborting it stops the work within a token and ends the iteration with the code `INTERRUPTED`. */
  readonly signal?: AbortSignal | undefined;
}

/** How a model is loaded. */
export interface LoadModelOptions extends Omit<LocateOptions, "need"> {
  /**
   * What it computes in; `float32` unless given. With weights of 8 or 4 bits it writes several times faster and takes a quarter or
   * less of the memory; texts and log-probs are those of the rounded model.
   */
  readonly precision?: Precision | undefined;
}

/** Dispose it to free the weights: `await model.dispose()`, or `await using`. */
export interface Model extends AsyncDisposable {
  /** True where it answers `messages`; else it continues a `prompt`. */
  readonly hasChatTemplate: boolean;
  /** The classes that a classifier puts texts into; undefined for a language model. */
  readonly classes: readonly string[] | undefined;
  /**
   * Scores a text, token ids or an answer. Calls may overlap; they are run one after the other.
   *
   * @throws LimbeckError `DATA` for what cannot be scored, `INTERRUPTED` when the signal is aborted first.
   */
  score(request: ScoreRequest, options?: { readonly signal?: AbortSignal }): Promise<ScoreResult>;
  /**
   * Continues a prompt or answers messages, and yields the text in pieces as it comes into being: whole characters, joined the
   * whole text. The iterator returns tokens, log-probs and the reason of the end. Work begins with the first `next()`, does not
   * wait for a slow reader, and stops when the loop is left. Calls may overlap; they take turns, token by token.
   *
   * @throws LimbeckError `DATA` for what cannot be continued, `INTERRUPTED` when the signal is aborted.
   */
  generate(options: GenerateOptions): AsyncGenerator<string, GenerateResult, void>;
  /**
   * Puts a text into a class. Calls may overlap; they are run one after the other.
   *
   * @throws LimbeckError `MODEL` where the model is no classifier, `INTERRUPTED` when the signal is aborted first.
   */
  classify(request: ClassifyRequest, options?: { readonly signal?: AbortSignal }): Promise<ClassifyResult>;
  dispose(): Promise<void>;
}

/**
 * Loads a model: a folder, or a model on the Hugging Face hub, which is downloaded once.
 *
 * @param options - `signal` and `onEvent` for the download; `offline` to take only what is on this machine.
 * `precision: "int4"` or `"int8"` for fast writing.
 * @throws LimbeckError `MODEL` where it is no model that limbeck can run, or as `locateModel`.
 * @example
 * await using model = await loadModel("runs/mine/student");
 * const { perplexity } = await model.score({ text: "The state of the union is strong." });
 * for await (const piece of model.generate({ prompt: "Fellow citizens", maxTokens: 64 })) process.stdout.write(piece);
 */
export async function loadModel(model: string, { precision, ...options }: LoadModelOptions = {}): Promise<Model> {
  const path = await locateModel(model, options);
  const worker = startWorker(new URL("./model-worker.js", import.meta.url));
  let abilities: ModelAbilities;
  try {
    abilities = await worker.call<ModelAbilities>("open", { path, precision });
  } catch (error) {
    await worker.close();
    throw error;
  }
  return {
    ...abilities,
    async score(request, { signal } = {}) {
      if (signal?.aborted) throw new InterruptedError("score: stopped before it began.");
      return worker.call<ScoreResult>("score", request, { signal });
    },
    generate: (options) => generate(worker, options),
    async classify(request, { signal } = {}) {
      if (signal?.aborted) throw new InterruptedError("classify: stopped before it began.");
      return worker.call<ClassifyResult>("classify", request, { signal });
    },
    dispose: () => worker.close(),
    [Symbol.asyncDispose]: () => worker.close(),
  };
}

async function* generate(
  worker: WorkerHost,
  { signal, ...request }: GenerateOptions,
): AsyncGenerator<string, GenerateResult, void> {
  if (signal?.aborted) throw new InterruptedError("generate: stopped before it began.");
  const left = new AbortController();
  const pieces: string[] = [];
  let wake = (): void => {};
  let isDone = false;
  const result = worker
    .call<GenerateResult>("generate", request, {
      signal: signal ? AbortSignal.any([signal, left.signal]) : left.signal,
      onEvent(piece) {
        pieces.push(piece as string);
        wake();
      },
    })
    .finally(() => {
      isDone = true;
      wake();
    });
  result.catch(() => {}); // thrown below, where the reader is
  try {
    while (!isDone || pieces.length > 0) {
      if (pieces.length > 0) yield pieces.splice(0).join("");
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
    return await result;
  } finally {
    left.abort();
    await result.catch(() => {});
  }
}
