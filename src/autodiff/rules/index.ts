/** @file The table of all derivative rules: the compiler refuses an op that has no entry. */

import type { OpName } from "../../graph/op-table.js";
import type { GradientRule, NoRule } from "../rule.js";
import { controlRules } from "./control.js";
import { elementwiseRules } from "./elementwise.js";
import { layerRules } from "./layers.js";
import { layoutRules } from "./layout.js";
import { productRules } from "./products.js";
import { reductionRules } from "./reductions.js";

const quantized = "weights in 8 or 4 bits are for models that do not learn";

export const gradientRules: { readonly [K in OpName]: GradientRule<K> | NoRule } = {
  ...elementwiseRules,
  ...productRules,
  ...reductionRules,
  ...layoutRules,
  ...layerRules,
  ...controlRules,
  StopGradient: "stops",
  Sign: "stops",
  Equal: "stops",
  Less: "stops",
  LessOrEqual: "stops",
  Greater: "stops",
  And: "stops",
  Or: "stops",
  Not: "stops",
  ArgMax: "stops",
  CumSum: "stops",
  DimSize: "stops",
  DynamicQuantizeMatMul: { missing: quantized },
  MatMulNBits: { missing: quantized },
  GatherBlockQuantized: { missing: quantized },
  Loop: { missing: "a loop is differentiated inside its body, not through it" },
};
