/** @file What can be known of a weak-to-strong run of classifiers. */

import { openWeakClassifiers } from "../recipes/open-weak-classifiers.js";
import type { TeacherSizes } from "../recipes/run-parts.js";
import type { WeakClassifiersConfig } from "../recipes/weak-to-strong-config.js";
import { weakToStrongObjective } from "../recipes/weak-to-strong-options.js";
import { makeClassTeacher } from "../teachers/class-teacher.js";
import type { LocateOptions } from "../weights/hub/index.js";
import { dataFindings, findCosts } from "./check-facts.js";
import { openCheck, type RunCheck } from "./check-findings.js";
import { weakCosts, weakFindings } from "./check-weak.js";
import { describeModel } from "./describe-model.js";
import { expectRoom } from "./expect-room.js";

/** Models and rows are opened together, so that one problem is found at a time. */
export async function checkWeakClassifiers(
  config: WeakClassifiersConfig,
  { signal }: LocateOptions,
  measuring: () => void,
): Promise<RunCheck> {
  const check = openCheck(signal);
  await check.attempt(async () => {
    const { teacher, weak, student, data, classData } = await openWeakClassifiers(config, () => {}, signal);
    const described = { weak: teacher ?? weak!.student, weakTrain: weak?.data.train, data };
    check.add(
      ...weakFindings(config, described),
      ["student", ...describeModel(student.model, student.tokenizer)],
      ["classes", config.classes.join(", "), { classes: config.classes }],
      ...dataFindings(config, data),
    );
    check.warn(...classData.warnings);
    // A weak teacher that is still to be trained costs what it costs when it is.
    const makeTeacher = async (sizes: TeacherSizes) =>
      teacher
        ? (await teacher.compile(sizes)).source
        : makeClassTeacher(await weak!.student.start(), { ...sizes, outputs: [...config.classes.keys()] });
    const objective = weakToStrongObjective(config, config.weakLabels.weight);
    const parts = { teacher, student, data, objective, makeTeacher };
    await findCosts(check, config, parts, { measuring, ...weakCosts(config, weak) });
    await expectRoom(config.output, student);
  });
  return check.close();
}
