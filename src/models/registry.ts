/** @file Which architecture reads which `model_type`. */

import { LimbeckError, ModelError, show } from "../errors.js";
import type { Architecture, ModelShape } from "./architecture.js";
import { bagOfNGrams } from "./bag-of-n-grams.js";
import { encoder } from "./encoder.js";
import { llama } from "./llama.js";

const architectures = new Map<string, Architecture>();

/** Makes an architecture available for every `model_type` that it lists; a name that is taken is refused. */
export function registerArchitecture<Shape extends ModelShape>(architecture: Architecture<Shape>): void {
  for (const modelType of architecture.modelTypes) {
    if (architectures.has(modelType)) {
      throw new LimbeckError("REGISTERED", `models: an architecture for "${modelType}" is registered already.`);
    }
    // Shapes stay with the architecture that parsed them, so it is safe to forget their exact type here.
    architectures.set(modelType, architecture as unknown as Architecture);
  }
}

/** The architecture that a config.json asks for. */
export function architectureOf(config: Readonly<Record<string, unknown>>): Architecture {
  const { model_type: modelType } = config;
  const architecture = typeof modelType === "string" ? architectures.get(modelType) : undefined;
  if (!architecture) {
    throw new ModelError(
      `config.json: "model_type" must be one of ${[...architectures.keys()].join(", ")}, ` +
        `got ${modelType === undefined ? "nothing" : show(modelType)}.`,
      { hint: "Use a model of a supported type, or register its architecture in a module loaded with --import." },
    );
  }
  return architecture;
}

registerArchitecture(llama);
registerArchitecture(encoder);
registerArchitecture(bagOfNGrams);
