/** @file Which layer of the student is compared with which of the teacher. */

import { LimbeckError } from "../../errors.js";

/** By a rule, or pairs of [student's layer, teacher's layer]. Layers count from 1; 0 is the token embeddings. */
export type LayerMap = "even" | "last" | readonly (readonly [student: number, teacher: number])[];

/**
 * The pairs of layers that a map names.
 *
 *     even:    every layer s of the student with round(s · teacherLayers / studentLayers), halves rounded up
 *     last:    the last of both
 *
 * @param first - the lowest layer that has what is compared: 0 for hidden states, 1 for what attention computes.
 * @param where - how an error calls the map.
 * @throws LimbeckError `OBJECTIVE` where a pair names a layer that is not there; it says which are.
 */
export function layerPairs(
  map: LayerMap,
  studentLayers: number,
  teacherLayers: number,
  first: 0 | 1,
  where: string,
): readonly (readonly [student: number, teacher: number])[] {
  if (map === "last") return [[studentLayers, teacherLayers]];
  if (map === "even") {
    return Array.from({ length: studentLayers + 1 - first }, (_, i) => {
      const student = i + first;
      return [student, Math.max(first, Math.round((student * teacherLayers) / studentLayers))] as const;
    });
  }
  for (const [student, teacher] of map) {
    const isThere = student >= first && student <= studentLayers && teacher >= first && teacher <= teacherLayers;
    if (isThere) continue;
    const embeddings = first === 0 ? ", 0 being the token embeddings" : "";
    throw new LimbeckError(
      "OBJECTIVE",
      `${where}: expected pairs of the student's layers ${first} to ${studentLayers} and the teacher's ${first} to ${teacherLayers}` +
        `${embeddings}, got [${student}, ${teacher}].`,
      { hint: "Name layers that there are, or use even or last." },
    );
  }
  return map;
}
