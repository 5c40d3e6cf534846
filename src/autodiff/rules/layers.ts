/** @file Derivatives of fused layers. */

import type { Value } from "../../graph/graph.js";
import * as g from "../../graph/ops/index.js";
import { type GradientRule, noFormula, only, sumToShape } from "../rule.js";

// With r = 1/rms, x̂ = x·r and h = dY·w:  dX = r·(h − x̂·mean(h·x̂)),  dW = Σ rows dY·x̂
const rmsNorm: GradientRule<"RmsNorm"> = (node, [dY, dInverse]) => {
  // Only a gradient's own gradient flows into 1/rms: rmsNorm() does not hand it out.
  if (!dY || dInverse) return [noFormula(node, "the second derivative"), noFormula(node, "the second derivative")];
  const [x, weight] = node.inputs as [Value, Value];
  const inverse = node.outputs[1]!;
  return [
    () => {
      const h = g.mul(dY, weight);
      const normalized = g.mul(x, inverse);
      const projection = g.reduceMean(g.mul(h, normalized), { axes: [-1], keepDims: true });
      return g.mul(inverse, g.sub(h, g.mul(normalized, projection)));
    },
    () => sumToShape(g.mul(dY, g.mul(x, inverse)), weight.shape),
  ];
};

// Y = X rotated by the angles of its positions  ⇒  dX = dY rotated by the opposite angles; the tables are constants
const rotaryEmbedding: GradientRule<"RotaryEmbedding"> = (node, gradients) => {
  const [, cosine, sine, positions] = node.inputs as [Value, Value, Value, Value];
  const table = noFormula(node, "the tables");
  return [() => g.rotaryEmbedding(only(gradients), cosine, g.neg(sine), positions), table, table, undefined];
};

export const layerRules = { RmsNorm: rmsNorm, RotaryEmbedding: rotaryEmbedding };
