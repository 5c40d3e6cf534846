/** @file How hard each term of the objective pulled, over training. */

import type { History } from "../report.js";
import { lineChart } from "./line-chart.js";
import type { Markup } from "./markup.js";

/** All terms are the student's and have its colour; what tells them apart is their names and how they are drawn. */
const dashes = [undefined, "7 3", "2 3", "9 3 2 3"] as const;

/** Each term's gradient norm at every step; null where none was measured. */
export function termGradientChart({ steps }: History): Markup | null {
  const measured = steps.flatMap(({ step, termGradientNorms }) =>
    termGradientNorms ? [{ step, termGradientNorms }] : [],
  );
  const names = Object.keys(measured[0]?.termGradientNorms ?? {});
  return lineChart({
    id: "curve-term-gradients",
    title: "Gradient of each term",
    unit: "L2 by the logits, without the term's weight; logarithmic",
    scale: "log",
    lines: names.map((name, i) => {
      const drawn = dashes[i % dashes.length];
      return {
        name,
        role: "student",
        ...(drawn && { dashes: drawn }),
        points: measured.map(({ step, termGradientNorms }) => ({ step, value: termGradientNorms[name] ?? Number.NaN })),
      };
    }),
    isNoisy: true,
  });
}
