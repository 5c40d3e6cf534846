/** @file A model in a line, for people and for machines, as `limbeck check` prints it. */

import { countParameters, type ModelDefinition } from "../models/index.js";
import type { OpenedStudent } from "../recipes/open-models.js";
import { formatCount } from "../report/format.js";

export function describeModel(
  { architecture, shape }: ModelDefinition,
  tokenizer: OpenedStudent["tokenizer"],
): readonly [string, Readonly<Record<string, unknown>>] {
  const parameters = countParameters(architecture.parameters(shape));
  const words =
    tokenizer === undefined ? "no tokenizer" : `tokenizer of ${tokenizer.vocabSize.toLocaleString("en-US")} ids`;
  return [
    `${shape.modelType}, ${formatCount(parameters)} parameters, ${shape.layers} layers of ${shape.hiddenSize}; ${words}`,
    {
      modelType: shape.modelType,
      parameters,
      layers: shape.layers,
      hiddenSize: shape.hiddenSize,
      vocabSize: tokenizer?.vocabSize ?? null,
    },
  ];
}
