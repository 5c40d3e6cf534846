/** @file Derivatives of matrix products. */

import type { Value } from "../../graph/graph.js";
import * as g from "../../graph/ops/index.js";
import { type GradientRule, only, sumToShape } from "../rule.js";

// Y = α·A·B  ⇒  dA = α·dY·Bᵀ, dB = α·Aᵀ·dY, each summed over the batch axes that broadcasting added.
// Y = α·Aᵀ·B  ⇒  dA = α·B·dYᵀ;  Y = α·A·Bᵀ  ⇒  dB = α·dYᵀ·A.
const matMul: GradientRule<"MatMul"> = (node, gradients) => {
  const dY = only(gradients);
  const [a, b] = node.inputs as [Value, Value];
  const { transposeA, transposeB, alpha } = node.attributes;
  return [
    () =>
      sumToShape(
        transposeA
          ? g.matMul(b, dY, { transposeA: transposeB, transposeB: true, alpha })
          : g.matMul(dY, b, { transposeB: !transposeB, alpha }),
        a.shape,
      ),
    () =>
      sumToShape(
        transposeB
          ? g.matMul(dY, a, { transposeA: true, transposeB: transposeA, alpha })
          : g.matMul(a, dY, { transposeA: !transposeA, alpha }),
        b.shape,
      ),
  ];
};

// Y = A·B + C  ⇒  dA and dB as for a product, dC = dY
const gemm: GradientRule<"Gemm"> = (node, gradients) => {
  const dY = only(gradients);
  const [a, b] = node.inputs as [Value, Value, Value];
  const { transposeA, transposeB } = node.attributes;
  return [
    () =>
      transposeA
        ? g.matMul(b, dY, { transposeA: transposeB, transposeB: true })
        : g.matMul(dY, b, { transposeB: !transposeB }),
    () =>
      transposeB
        ? g.matMul(dY, a, { transposeA: true, transposeB: transposeA })
        : g.matMul(a, dY, { transposeA: !transposeA }),
    () => dY,
  ];
};

export const productRules = { MatMul: matMul, Gemm: gemm };
