/** @file The one check that all ways to quantize share. */

import { ShapeError } from "../../errors.js";

/** @throws ShapeError where `weight` does not hold `outputs` × `inputs` values. */
export function expectWeight(where: string, weight: Float32Array, outputs: number, inputs: number): void {
  if (weight.length === outputs * inputs) return;
  throw new ShapeError(
    `${where}: a weight of shape [outputs=${outputs}, inputs=${inputs}] must hold ${outputs * inputs} values, got ${weight.length}.`,
  );
}
