/** @file Low-rank adapters added into the weights that they change. */

/** What is added to a weight `[out, in]`. */
export interface LowRankChange {
  readonly rank: number;
  readonly scale: number;
  /** `[rank, in]`, LoRA's A. */
  readonly down: Float32Array;
  /** `[out, rank]`, LoRA's B. */
  readonly up: Float32Array;
}

/**
 * weight + scale · up · down, computed in float64 and rounded once.
 *
 * @param weight - `[out, in]`; left as it is.
 * @see Hu et al. 2021, "LoRA", §4.1 (arXiv:2106.09685).
 */
export function mergeLowRank(weight: Float32Array, { rank, scale, down, up }: LowRankChange): Float32Array {
  const [out, into] = [up.length / rank, down.length / rank];
  const merged = new Float32Array(weight.length);
  const change = new Float64Array(into);
  for (let row = 0; row < out; row++) {
    change.fill(0);
    for (let k = 0; k < rank; k++) {
      const factor = scale * up[row * rank + k]!;
      if (factor === 0) continue;
      const start = k * into;
      for (let i = 0; i < into; i++) change[i]! += factor * down[start + i]!;
    }
    const start = row * into;
    for (let i = 0; i < into; i++) merged[start + i] = weight[start + i]! + change[i]!;
  }
  return merged;
}
