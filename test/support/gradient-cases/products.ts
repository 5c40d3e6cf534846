/** @file Derivative checks of matrix products: every transpose, alpha and way of broadcasting batch axes. */

import * as g from "../../../src/graph/ops/index.js";
import { draw, type GradientCase, type Inputs } from "./gradient-case.js";

const flags = [false, true] as const;

const batches: readonly (readonly [string, readonly number[], readonly number[]])[] = [
  ["2D × 2D", [], []],
  ["3D × 3D", [2], [2]],
  ["4D × 4D", [2, 3], [2, 3]],
  ["3D × 2D", [2], []],
  ["2D × 3D", [], [2]],
  ["4D × 3D", [2, 3], [3]],
  ["4D × 4D, broadcast batches", [2, 1], [1, 3]],
];

/** All transposes and both alphas of one way of broadcasting: eight products of one pair of inputs each. */
function products([name, left, right]: (typeof batches)[number]): GradientCase {
  const variants = flags.flatMap((transposeA) =>
    flags.flatMap((transposeB) => [1, -0.7].map((alpha) => ({ transposeA, transposeB, alpha }))),
  );
  const [m, k, n] = [2, 3, 2];
  const matrices = flags.flatMap((transposed) => [
    [`a${transposed}`, draw([...left, ...(transposed ? [k, m] : [m, k])])] as const,
    [`b${transposed}`, draw([...right, ...(transposed ? [n, k] : [k, n])])] as const,
  ]);
  return {
    name,
    feeds: Object.fromEntries(matrices),
    build: (inputs) =>
      variants.map((options) =>
        g.matMul(inputs[`a${options.transposeA}`]!, inputs[`b${options.transposeB}`]!, options),
      ),
  };
}

export const productCases = {
  MatMul: [
    ...batches.map(products),
    {
      name: "symbolic sizes",
      feeds: { a: draw([2, 3, 4]), b: draw([4, 3]) },
      shapes: { a: ["batch", "m", 4], b: [4, "n"] },
      build: ({ a, b }: Inputs) => g.matMul(a, b, { alpha: 0.3 }),
    },
    { name: "one matrix on both sides", feeds: { x: draw([3, 3]) }, build: ({ x }: Inputs) => g.matMul(x, x) },
    {
      name: "more than 64 elements",
      feeds: { a: draw([9, 11]), b: draw([13, 11]) },
      build: ({ a, b }: Inputs) => g.matMul(a, b, { transposeB: true }),
    },
  ],
  Gemm: flags.flatMap((transposeA) =>
    flags.map((transposeB) => ({
      name: `transposeA ${transposeA}, transposeB ${transposeB}`,
      feeds: { a: draw(transposeA ? [3, 2] : [2, 3]), b: draw(transposeB ? [4, 3] : [3, 4]), c: draw([2, 4]) },
      build: ({ a, b, c }: Inputs) => g.gemm(a, b, c!, { transposeA, transposeB }),
    })),
  ),
} satisfies Readonly<Record<string, readonly GradientCase[]>>;
