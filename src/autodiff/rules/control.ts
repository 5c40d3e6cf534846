/** @file The rule of composites that bring their own closed-form gradient. */

import { ShapeError } from "../../errors.js";
import { printShape, sameShape } from "../../graph/dims.js";
import { type GradientRule, only } from "../rule.js";

// Y = a composite of X₁, X₂, …  ⇒  dX₁, dX₂, … as its own closed form says
const customGradient: GradientRule<"CustomGradient"> = (node, cotangents) => {
  const inputs = node.inputs.slice(1);
  const gradients = node.attributes.gradient(only(cotangents));
  if (gradients.length !== inputs.length) {
    throw new ShapeError(
      `customGradient at node "${node.name}": the function must return ${inputs.length} gradients, got ${gradients.length}.`,
    );
  }
  const lazy = inputs.map(({ name, shape }, i) => {
    const gradient = gradients[i];
    return (
      gradient &&
      (() => {
        const value = typeof gradient === "function" ? gradient() : gradient;
        if (sameShape(value.shape, shape)) return value;
        throw new ShapeError(
          `customGradient at node "${node.name}": the gradient of "${name}" must be ${printShape(shape)}, ` +
            `got ${printShape(value.shape)}.`,
        );
      })
    );
  });
  return [undefined, ...lazy];
};

export const controlRules = { CustomGradient: customGradient };
