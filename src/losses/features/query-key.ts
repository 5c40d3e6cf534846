/** @file The relation of queries and keys, over any number of relation heads. */

import type { Feature } from "./feature.js";
import { refuseHeads, relationKl, repeatForHeads } from "./relation.js";

/**
 * The {@link relationKl} from queries to keys: attention, whatever heads the two sides have. Keys that heads share are repeated.
 *
 * @see Wang et al. 2021, "MiniLMv2", eq. 6 with α = β = Q, K (arXiv:2012.15828 §4.1), which first takes it from MiniLM.
 */
export const queryKey: Feature = {
  name: "query-key",
  parts: ["queries", "keys"],
  isProjected: false,
  defaultLayers: "last",
  options: ["relationHeads"],
  refuse: (student, teacher, { relationHeads = student.heads }) =>
    refuseHeads(relationHeads, student.heads * student.headDim, teacher.heads * teacher.headDim, "queries"),
  rows({ student, teacher, places, studentForm, teacherForm, options: { relationHeads = studentForm.heads } }) {
    return relationKl(
      [student.queries!, repeatForHeads(student.keys!, studentForm)],
      [teacher.queries!, repeatForHeads(teacher.keys!, teacherForm)],
      relationHeads,
      places,
    );
  },
};
