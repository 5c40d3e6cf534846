/** @file Mean squared error of hidden states. */

import * as g from "../../graph/ops/index.js";
import type { Feature } from "./feature.js";

/**
 * Mean squared error of the student's hidden states h against the teacher's t, over the teacher's d numbers.
 *
 * With W the trained projection `[teacherHidden, studentHidden]`, or the identity where both are equally wide:
 *
 *     row = Σ (W·h − t)² / d
 *
 * @returns `[sequences, places]`, squared units of the teacher's residual stream.
 * @see Romero et al. 2015, "FitNets" (arXiv:1412.6550) eq. 3; Jiao et al. 2020, "TinyBERT" (arXiv:1909.10351) eq. 8.
 */
export const hiddenMse: Feature = {
  name: "hidden-mse",
  parts: ["hidden"],
  isProjected: true,
  defaultLayers: "even",
  options: [],
  rows({ student, teacher }) {
    const difference = g.sub(student.hidden!, teacher.hidden!);
    return g.reduceMean(g.mul(difference, difference), { axes: [-1] });
  },
};
