/** @file The worker's entry of a loaded model: it scores and writes here, so that a service's event loop stays free. */

import { hasTokenizer, loadTokenizer } from "../data/index.js";
import { DataError, type ModelError } from "../errors.js";
import { type GenerateRequest, makeTextGenerator, type TextGenerator } from "../generation/generate-text.js";
import { makeTokenGenerator, type TokenGenerator } from "../generation/token-generator.js";
import { serveWorker } from "../runtime/serve-worker.js";
import { loadModelFolder } from "../weights/load-model.js";
import type { Precision } from "../weights/quantize/index.js";
import { type Classifier, type ClassifyRequest, makeClassifier } from "./classifier.js";
import { gotClassifier } from "./got-classifier.js";
import { makeScorer, type ScoreRequest, type Scorer } from "./score.js";

/** What a model can do, told to the main thread when it is open. */
export interface ModelAbilities {
  readonly hasChatTemplate: boolean;
  readonly classes: readonly string[] | undefined;
}

let scorer: Scorer;
let openClassifier: () => Promise<Classifier>;
let writer: TextGenerator | undefined;
/** Set where the model is no language model. */
let refusal: ModelError | undefined;

serveWorker({
  async open(argument): Promise<ModelAbilities> {
    const { path: folder, precision } = argument as {
      readonly path: string;
      readonly precision: Precision | undefined;
    };
    const model = await loadModelFolder(folder, { precision: precision ?? "float32", use: "writing" });
    const tokenizer = (await hasTokenizer(folder)) ? await loadTokenizer(folder) : undefined;
    scorer = makeScorer(model, tokenizer);
    // Compiled by the first text.
    let classifier: Promise<Classifier> | undefined;
    openClassifier = () => {
      classifier ??= makeClassifier(model, tokenizer);
      return classifier;
    };
    // Compiled by the first call that writes: the program keeps a copy of the weights.
    let tokens: Promise<TokenGenerator> | undefined;
    const openTokens = () => {
      tokens ??= makeTokenGenerator(model);
      return tokens;
    };
    const { classHead } = model.shape;
    refusal = classHead && gotClassifier("generate", folder);
    writer = tokenizer && !classHead ? await makeTextGenerator(model, tokenizer, openTokens) : undefined;
    return { hasChatTemplate: writer?.hasChatTemplate ?? false, classes: classHead?.classes };
  },
  async score(request) {
    return scorer.score(request as ScoreRequest);
  },
  async classify(request) {
    return (await openClassifier()).classify(request as ClassifyRequest);
  },
  async generate(request, { emit, signal }) {
    if (refusal) throw refusal;
    if (!writer) {
      throw new DataError("generate: the model must have a tokenizer.json to write text, got none.", {
        hint: "Add the model's tokenizer files to its folder.",
      });
    }
    const pieces = writer.generate(request as GenerateRequest, signal);
    for (;;) {
      const { value, done } = await pieces.next();
      if (done) return value;
      emit(value);
    }
  },
});
