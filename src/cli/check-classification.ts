/** @file What can be known of a run that puts texts into classes. */

import { openClassification } from "../recipes/classification.js";
import type { ClassificationConfig } from "../recipes/classification-options.js";
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
    await expectRoom(config.output, student);
  });
  return check.close();
}
