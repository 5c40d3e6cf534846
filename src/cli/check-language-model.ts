/** @file What can be known of a run that trains a language model: models, tokenizers, rows, steps, memory and the teacher's worth. */

import type { LoadedData } from "../data/index.js";
import { compareStarts } from "../recipes/compare-starts.js";
import { imagineContextData, isWritten } from "../recipes/open-context-data.js";
import { openData } from "../recipes/open-data.js";
import {
  assertOneConversation,
  assertOneVocabulary,
  mixtureOf,
  type OpenedStudent,
  type OpenedTeacher,
  openStudent,
  openTeachers,
} from "../recipes/open-models.js";
import { openWeakToStrong } from "../recipes/open-weak-to-strong.js";
import { promptsOf } from "../recipes/prompts-of.js";
import type { LanguageModelConfig } from "../recipes/registry.js";
import type { SamplerOptions, WritingTime } from "../recipes/sample-writing.js";
import { sampleWorth, warnAboutTeacher } from "../recipes/teacher-worth.js";
import { threadsOf } from "../recipes/threads-of.js";
import { twinObjective } from "../recipes/train-and-report.js";
import type { WeakToStrongConfig } from "../recipes/weak-to-strong-config.js";
import { formatCount } from "../report/format.js";
import { worthSummary } from "../report/worth-text.js";
import type { LocateOptions } from "../weights/hub/index.js";
import { type CostOptions, dataFindings, findCosts } from "./check-facts.js";
import { type OpenCheck, openCheck, type RunCheck } from "./check-findings.js";
import { weakCosts, weakFindings } from "./check-weak.js";
import { describeModel } from "./describe-model.js";
import { expectRoom } from "./expect-room.js";

/** Opens all that the run would open, and goes on after what fails, so that every problem is found at once. */
export async function checkLanguageModel(
  config: LanguageModelConfig,
  download: LocateOptions,
  measuring: () => void,
): Promise<RunCheck> {
  const check = openCheck(download.signal);
  const { attempt } = check;
  const opened = await (config.recipe === "weak-to-strong"
    ? openWeak(check, config, download)
    : openPair(check, config, download));
  const { teacher, student } = opened;
  if (student) describeStudent(check, student);
  if (teacher && student) await attempt(() => assertOneVocabulary(teacher, student));
  if (teacher && student && config.recipe === "context") {
    await attempt(() => assertOneConversation(teacher, student, config.data.template));
  }
  const options = { threads: threadsOf(config), signal: download.signal };
  const data =
    student && (opened.data ?? (await attempt(() => openRows(config, student, teacher, measuring, options))));
  const parts = student && data && { teacher, student, data };
  if (parts) {
    check.warn(...data.warnings);
    check.add(...dataFindings(config, data));
    const objective = "objective" in config ? config.objective : twinObjective;
    const costs = { measuring, writing: data.writingTime, ...opened.costs };
    const context = promptsOf(config) && { movingAverage: undefined, writing: undefined };
    const run = { ...parts, objective, ...(context && { context }) };
    if (check.problems.length === 0) await attempt(() => findCosts(check, config, run, costs));
    // Responses that are still to be written say nothing of their writer.
    if (check.problems.length === 0 && !isWritten(config)) {
      const worth = await attempt(() => sampleWorth(config, parts, options));
      if (worth) check.add(["worth", worthSummary(worth), { ...worth }]);
      check.warn(...warnAboutTeacher(worth ?? null));
    }
  }
  const starts =
    parts && teacher && config.student.from !== undefined
      ? await attempt(() => compareStarts(config, { ...parts, teacher }, options))
      : undefined;
  await attempt(() => expectRoom(config.output, student));
  return check.close(starts);
}

interface Opened {
  readonly teacher: OpenedTeacher | undefined;
  readonly student: OpenedStudent | undefined;
  /** Undefined where the rows are still to be opened, or could not be. */
  readonly data: Rows | undefined;
  /** What the run does besides training the student. */
  readonly costs?: Omit<CostOptions, "measuring">;
}

type Rows = LoadedData & { readonly writingTime?: WritingTime };

/** A student, and its teacher where the recipe has one. */
async function openPair(
  { attempt, add }: OpenCheck,
  config: Exclude<LanguageModelConfig, WeakToStrongConfig>,
  download: LocateOptions,
): Promise<Opened> {
  const wantsTeacher = "teacher" in config;
  const teacher = wantsTeacher ? await attempt(() => openTeachers(config.teacher, download)) : undefined;
  for (const [i, member] of (teacher ? mixtureOf(teacher) : []).entries()) {
    const { model, tokenizer } = member.teacher;
    add([i === 0 ? "teacher" : `teacher ${i + 1}`, ...describeModel(model, tokenizer)]);
  }
  const canOpen = config.student.model !== undefined || !wantsTeacher || teacher !== undefined;
  const start = { ...config.data, ...config.training };
  const student = canOpen ? await attempt(() => openStudent(config.student, teacher, start, download)) : undefined;
  return { teacher, student, data: undefined };
}

/** The models of a weak-to-strong run and its rows, which are opened together. */
async function openWeak(
  { attempt, add }: OpenCheck,
  config: WeakToStrongConfig,
  { signal }: LocateOptions,
): Promise<Opened> {
  const opened = await attempt(() => openWeakToStrong(config, () => {}, signal));
  if (opened) add(...weakFindings(config, opened));
  if (!opened) return { teacher: undefined, student: undefined, data: undefined };
  const { weak, weakTrain, student, data } = opened;
  const learner = weakTrain && { student: weak, data: { ...data, train: weakTrain } };
  return { teacher: undefined, student, data, costs: weakCosts(config, learner) };
}

function describeStudent(check: OpenCheck, { model, tokenizer, trainedParameters }: OpenedStudent): void {
  const [words, facts] = describeModel(model, tokenizer);
  const share =
    trainedParameters === undefined ? "" : `; ${formatCount(trainedParameters)} of the parameters are trained`;
  check.add(["student", words + share, { ...facts, trainedParameters: trainedParameters ?? facts.parameters }]);
}

/** The run's rows; where the teacher is to write responses, with some like those that it writes now. */
async function openRows(
  config: LanguageModelConfig,
  student: OpenedStudent,
  teacher: OpenedTeacher | undefined,
  measuring: () => void,
  options: SamplerOptions,
): Promise<Rows> {
  const teacherLength = teacher?.model.shape.maxPositions ?? Number.POSITIVE_INFINITY;
  const prompts = promptsOf(config);
  if (isWritten(config) && teacher) {
    measuring();
    return imagineContextData(config, { teacher, student }, options);
  }
  return openData(config.data, student, () => {}, prompts && { ...prompts, teacherLength });
}
