/** @file What can be known of a run that puts texts into classes. */

import { sampleClassWorth } from "../recipes/class-worth.js";
import { openClassification } from "../recipes/classification.js";
import type { ClassificationConfig } from "../recipes/classification-options.js";
import { threadsOf } from "../recipes/threads-of.js";
import { classWorthSentence, warnAboutClassTeacher } from "../report/class-worth-text.js";
import type { LocateOptions } from "../weights/hub/index.js";
import { dataFindings, findCosts } from "./check-facts.js";
import { openCheck, type RunCheck } from "./check-findings.js";
import { describeModel } from "./describe-model.js";
import { expectRoom } from "./expect-room.js";

/** Models and rows are opened together, so that one problem is found at a time. */
export async function checkClassification(
  config: ClassificationConfig,
  download: LocateOptions,
  measuring: () => void,
): Promise<RunCheck> {
  const check = openCheck(download.signal);
  await check.attempt(async () => {
    const parts = await openClassification(config, download, () => {});
    const { teacher, student, classData } = parts;
    if (teacher) check.add(["teacher", ...describeModel(teacher.model, teacher.tokenizer)]);
    check.add(
      ["student", ...describeModel(student.model, student.tokenizer)],
      ["classes", classData.classes.join(", "), { classes: classData.classes }],
      ...dataFindings(config, parts.data),
    );
    check.warn(...classData.warnings);
    await findCosts(check, config, parts, { measuring });
    const worth = await sampleClassWorth(config, parts, threadsOf(config));
    const said = classWorthSentence(worth);
    if (said) check.add(["worth", said, { rivals: worth }]);
    check.warn(...warnAboutClassTeacher(worth));
    await expectRoom(config.output, student);
  });
  return check.close();
}
