/** @file Everything about a run that can be known before it: models, tokenizers, rows, steps and memory. */

import type { RunConfig } from "../recipes/registry.js";
import type { LocateOptions } from "../weights/hub/index.js";
import { checkClassification } from "./check-classification.js";
import type { RunCheck } from "./check-findings.js";
import { checkLanguageModel } from "./check-language-model.js";
import { checkSequence } from "./check-sequence.js";
import { checkWeakClassifiers } from "./check-weak-classifiers.js";

/**
 * Opens what the run would open, and says what would go wrong, how long it is and what it needs.
 *
 * @param download - how a model that is not on this machine is downloaded.
 * @param onMeasuring - called once before the seconds in which a few batches are timed.
 */
export function checkRun(
  config: RunConfig,
  download: LocateOptions = {},
  onMeasuring: () => void = () => {},
): Promise<RunCheck> {
  let isMeasuring = false;
  const measuring = () => {
    if (!isMeasuring) onMeasuring();
    isMeasuring = true;
  };
  switch (config.recipe) {
    case "classification":
      return checkClassification(config, download, measuring);
    case "sequence":
      return checkSequence(config, download, measuring);
    case "weak-to-strong":
      return "classes" in config
        ? checkWeakClassifiers(config, download, measuring)
        : checkLanguageModel(config, download, measuring);
    default:
      return checkLanguageModel(config, download, measuring);
  }
}
