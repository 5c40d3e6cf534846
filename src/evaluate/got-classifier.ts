/** @file What only a language model can do, asked of a classifier. */

import { ModelError } from "../errors.js";

/** The error of `where`, to be thrown. */
export function gotClassifier(where: string, path: string): ModelError {
  return new ModelError(`${where}: "${path}" must be a language model, got a classifier.`, {
    hint: "Ask it for the class of a text with limbeck classify.",
  });
}
