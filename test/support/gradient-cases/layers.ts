/** @file Derivative checks of fused layers, and of composites with a gradient of their own. */

import * as g from "../../../src/graph/ops/index.js";
import { draw, type GradientCase, type Inputs, indices, numbers } from "./gradient-case.js";

const epsilon = 1e-3;

export const layerCases = {
  RmsNorm: [
    { name: "rows", feeds: { x: draw([3, 4]), a: draw([4]) }, build: ({ x, a }: Inputs) => g.rmsNorm(x, a, epsilon) },
    {
      name: "symbolic sizes",
      feeds: { x: draw([2, 2, 4]), a: draw([4]) },
      shapes: { x: ["batch", "tokens", 4] },
      build: ({ x, a }: Inputs) => g.rmsNorm(x, a, epsilon),
    },
    {
      name: "a row of zeros",
      feeds: { x: numbers(0, 0, 0), a: draw([3]) },
      build: ({ x, a }: Inputs) => g.rmsNorm(x, a, epsilon),
    },
    {
      name: "large values",
      feeds: { x: numbers(300, -200, 100), a: draw([3]) },
      build: ({ x, a }: Inputs) => g.rmsNorm(x, a, epsilon),
    },
  ],
  RotaryEmbedding: [
    {
      name: "two heads, positions that restart",
      feeds: {
        x: draw([2, 2, 3, 4]),
        a: draw([5, 2]),
        b: draw([5, 2]),
        positions: indices([2, 3], [0, 1, 2, 4, 0, 3]),
      },
      shapes: { x: ["batch", 2, "tokens", 4], positions: ["batch", "tokens"] },
      wrt: ["x"],
      build: ({ x, a, b, positions }: Inputs) => g.rotaryEmbedding(x, a, b, positions!),
    },
  ],
  CustomGradient: [
    {
      name: "a closed form for log Σ exp and a factor",
      feeds: { x: draw([2, 3]), a: draw([2]) },
      build: ({ x, a }: Inputs) => {
        const sums = g.reduceLogSumExp(x, { axes: [1] });
        return g.customGradient(g.mul(a, sums), [x, a], (dY) => [
          g.mul(g.reshape(g.mul(dY, a), [2, 1]), g.softmax(x)),
          g.mul(dY, sums),
        ]);
      },
    },
  ],
} satisfies Readonly<Record<string, readonly GradientCase[]>>;
