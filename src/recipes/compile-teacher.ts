/** @file An opened teacher made ready to be asked: one model, or several as one. */

import type { TeacherSource } from "../signals/teacher-signal.js";
import { type LocalTeacherOptions, makeLocalTeacher } from "../teachers/local-teacher.js";
import { type MixtureMember, makeMixtureTeacher } from "../teachers/mixture-teacher.js";
import type { OpenedTeacher } from "./open-models.js";

/** Compiles the teacher; where it does not teach alone, those that it is mixed with too. */
export async function compileTeacher(
  { mixture, load }: OpenedTeacher,
  options: LocalTeacherOptions,
): Promise<TeacherSource> {
  if (!mixture) return makeLocalTeacher(await load(), options);
  const members: MixtureMember[] = [];
  for (const { teacher, weight } of mixture) {
    members.push({ teacher: await makeLocalTeacher(await teacher.load(), options), weight });
  }
  return makeMixtureTeacher(members);
}
