/** @file KL of the student's attention from the teacher's, head by head. */

import type { Feature } from "./feature.js";
import { relationKl, repeatForHeads } from "./relation.js";

/**
 * KL(teacher's attention ‖ student's attention) of one query, in the mean over heads.
 *
 *     row = Σ over heads of KL(Aᵗ ‖ Aˢ) / heads,    A = softmax(q·kᵀ / √headDim) over the positions up to the query
 *
 * Head h of the one is compared with head h of the other, so both must have as many; `query-key` has no such bound. Both must see
 * the same positions: a layer with a sliding window is refused.
 *
 * @returns `[sequences, places]`, nats.
 * @see Wang et al. 2020, "MiniLM", eq. 5 (arXiv:2002.10957). Zagoruyko & Komodakis 2017 (arXiv:1612.03928) and Jiao et al. 2020,
 *   "TinyBERT", eq. 7 (arXiv:1909.10351) compare attention by squared error.
 */
export const attentionKl: Feature = {
  name: "attention-kl",
  parts: ["queries", "keys"],
  isProjected: false,
  defaultLayers: "last",
  options: [],
  refuse(student, teacher) {
    if (student.heads !== teacher.heads)
      return `expected as many heads on both sides, got ${student.heads} (student) and ${teacher.heads} (teacher); query-key compares any`;
    const windows = [...student.windows, ...teacher.windows].filter((window) => window !== undefined);
    if (windows.length > 0) return `expected attention over whole documents, got a sliding window of ${windows[0]}`;
    return undefined;
  },
  rows({ student, teacher, places, studentForm, teacherForm }) {
    return relationKl(
      [student.queries!, repeatForHeads(student.keys!, studentForm)],
      [teacher.queries!, repeatForHeads(teacher.keys!, teacherForm)],
      studentForm.heads,
      places,
    );
  },
};
