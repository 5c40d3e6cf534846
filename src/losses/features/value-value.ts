/** @file The relation of values with values, over any number of relation heads. */

import type { Feature } from "./feature.js";
import { refuseHeads, relationKl } from "./relation.js";

/**
 * The {@link relationKl} among values: which positions look alike to attention as values, whatever heads the two sides have.
 *
 * @see Wang et al. 2021, "MiniLMv2", eq. 4 (arXiv:2012.15828), the Value-Value relation.
 */
export const valueValue: Feature = {
  name: "value-value",
  parts: ["values"],
  isProjected: false,
  defaultLayers: "last",
  options: ["relationHeads"],
  refuse: (student, teacher, { relationHeads = student.keyValueHeads }) =>
    refuseHeads(
      relationHeads,
      student.keyValueHeads * student.headDim,
      teacher.keyValueHeads * teacher.headDim,
      "values",
    ),
  rows({ student, teacher, places, studentForm, options: { relationHeads = studentForm.keyValueHeads } }) {
    const [own, other] = [student.values!, teacher.values!];
    return relationKl([own, own], [other, other], relationHeads, places);
  },
};
