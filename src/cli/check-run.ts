/** @file Everything about a run that can be known before it: models, tokenizers, rows, steps and memory. */

import os from "node:os";
import { type LoadedData, measureDocuments, planEpoch } from "../data/index.js";
import { InterruptedError, LimbeckError } from "../errors.js";
import { type ClassificationConfig, openClassification } from "../recipes/classification.js";
import { compareStarts, type StartRow } from "../recipes/compare-starts.js";
import { estimateMemory, type MemoryEstimate } from "../recipes/estimate-memory.js";
import { estimateTime } from "../recipes/estimate-time.js";
import { curveOf } from "../recipes/learn-from-weak.js";
import { imagineContextData, isWritten } from "../recipes/open-context-data.js";
import { openData } from "../recipes/open-data.js";
import {
  assertOneConversation,
  assertOneVocabulary,
  type OpenedStudent,
  type OpenedTeacher,
  openStudent,
  openTeacher,
} from "../recipes/open-models.js";
import { type OpenedWeakToStrong, openWeakToStrong } from "../recipes/open-weak-to-strong.js";
import { promptsOf } from "../recipes/prompts-of.js";
import type { LanguageModelConfig, RunConfig } from "../recipes/registry.js";
import type { RunParts } from "../recipes/run-parts.js";
import { sampleWorth, warnAboutTeacher } from "../recipes/teacher-worth.js";
import { twinObjective } from "../recipes/train-and-report.js";
import type { WeakToStrongConfig } from "../recipes/weak-to-strong.js";
import { formatBytes, formatCount, formatPercent, formatSeconds } from "../report/format.js";
import { worthSummary } from "../report/worth-text.js";
import { sequencesIn } from "../training/steps.js";
import type { LocateOptions } from "../weights/hub/index.js";
import { checkSequence } from "./check-sequence.js";
import { describeModel } from "./describe-model.js";
import { expectRoom } from "./expect-room.js";

type Fact = readonly [name: string, value: string];

/** What was found, for people and for machines. */
export interface RunCheck {
  readonly facts: readonly Fact[];
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  /** What would end the run; nothing where it can start. */
  readonly problems: readonly LimbeckError[];
  readonly data: Readonly<Record<string, unknown>>;
  /** Where a student that comes from its teacher could start; empty for others, and where no row is held out. */
  readonly starts: readonly StartRow[];
}

/**
 * Opens all that the run would open, and goes on after what fails, so that every problem is found at once.
 *
 * @param download - how a model that is not on this machine is downloaded.
 * @param measuring - called before the seconds in which a few batches are timed.
 */
export async function checkRun(
  config: RunConfig,
  download: LocateOptions = {},
  measuring: () => void = () => {},
): Promise<RunCheck> {
  if (config.recipe === "classification") return checkClassification(config, download, measuring);
  if (config.recipe === "sequence") return checkSequence(config, download);
  const facts: Fact[] = [];
  const warnings: { code: string; message: string }[] = [];
  const problems: LimbeckError[] = [];
  let starts: readonly StartRow[] = [];
  const data: Record<string, unknown> = {};
  const attempt = async <Result>(work: () => Result | Promise<Result>): Promise<Result | undefined> => {
    if (download.signal?.aborted) throw new InterruptedError("check: stopped.");
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof LimbeckError) || error.code === "INTERRUPTED") throw error;
      problems.push(error);
      return undefined;
    }
  };
  const found = (name: string, value: string, machine: Readonly<Record<string, unknown>>): void => {
    facts.push([name, value]);
    data[name] = machine;
  };

  const wantsTeacher = "teacher" in config;
  const teacher = wantsTeacher ? await attempt(() => openTeacher(config.teacher, download)) : undefined;
  if (teacher) found("teacher", ...describeModel(teacher.model, teacher.tokenizer));
  const weakConfig = config.recipe === "weak-to-strong" ? config : undefined;
  const weakToStrong = weakConfig && (await attempt(() => openAll(weakConfig, download)));
  if (weakConfig && weakToStrong) for (const fact of describeWeak(weakConfig, weakToStrong)) found(...fact);
  const canOpenStudent = config.student.model !== undefined || !wantsTeacher || teacher !== undefined;
  const student =
    weakConfig !== undefined
      ? weakToStrong?.student
      : canOpenStudent
        ? await attempt(() => openStudent(config.student, teacher, { ...config.data, ...config.training }, download))
        : undefined;
  if (student) {
    const [words, facts] = describeModel(student.model, student.tokenizer);
    const trained = student.trainedParameters;
    const share = trained === undefined ? "" : `; ${formatCount(trained)} of the parameters are trained`;
    found("student", words + share, { ...facts, trainedParameters: trained ?? facts.parameters });
  }
  if (teacher && student) await attempt(() => assertOneVocabulary(teacher, student));
  if (teacher && student && config.recipe === "context") {
    await attempt(() => assertOneConversation(teacher, student, config.data.template));
  }
  if (student) {
    const loaded = weakToStrong?.data ?? (await attempt(() => openRows(config, student, teacher)));
    if (loaded) {
      warnings.push(...loaded.warnings);
      for (const [name, value, machine] of describeData(config, loaded)) found(name, value, machine);
      if (problems.length === 0) {
        const objective = "objective" in config ? config.objective : twinObjective;
        const costs = await attempt(() =>
          describeCosts(config, { teacher, student, data: loaded, objective }, measuring),
        );
        for (const [name, value, machine] of costs?.facts ?? []) found(name, value, machine);
        if (costs?.warning !== undefined) warnings.push({ code: "MEMORY", message: costs.warning });
      }
      const threads = config.threads === "auto" ? os.availableParallelism() : config.threads;
      if (problems.length === 0) {
        const parts = { teacher, student, data: loaded };
        const worth = await attempt(() => sampleWorth(config, parts, { threads, signal: download.signal }));
        if (worth) found("worth", worthSummary(worth), { ...worth });
        warnings.push(...warnAboutTeacher(worth ?? null));
      }
      if (teacher && config.student.from !== undefined) {
        const parts = { teacher, student, data: loaded };
        starts = (await attempt(() => compareStarts(config, parts, { threads, signal: download.signal }))) ?? [];
      }
    }
  }
  await attempt(() => expectRoom(config.output, student));
  return { facts, warnings, problems, data, starts };
}

/** The run's rows; where the teacher is to write responses, with some as long as they may become. */
async function openRows(
  config: LanguageModelConfig,
  student: OpenedStudent,
  teacher: OpenedTeacher | undefined,
): Promise<LoadedData> {
  const teacherLength = teacher?.model.shape.maxPositions ?? Number.POSITIVE_INFINITY;
  if (isWritten(config)) return imagineContextData(config, student, teacherLength);
  const prompts = promptsOf(config);
  return openData(config.data, student, () => {}, prompts && { ...prompts, teacherLength });
}

/** All that a weak-to-strong run opens. */
function openAll(config: WeakToStrongConfig, { signal }: LocateOptions): Promise<OpenedWeakToStrong> {
  return openWeakToStrong(config, () => {}, signal);
}

/** The weak teacher, its rows, and how many models are trained: what is said of the student is of one of them. */
function describeWeak(config: WeakToStrongConfig, { weak, weakTrain, data }: OpenedWeakToStrong): Finding[] {
  const [words, facts] = describeModel(weak.model, weak.tokenizer);
  const rows = weakTrain && measureDocuments(weakTrain);
  const trained = rows === undefined ? "taught as it is" : `trained on ${formatCount(rows.tokens)} tokens of its own`;
  const labelled = data.train.filter(({ hasGroundTruth }) => hasGroundTruth !== false).length;
  const students = 1 + curveOf(config).length;
  const models = students === 1 ? "a student and its ceiling" : `${students} students and their ceiling`;
  return [
    ["weak", `${words}; ${trained}`, { ...facts, tokens: rows?.tokens ?? null }],
    [
      "ground truth",
      `${formatPercent(labelled / data.train.length)} of the student's documents`,
      { documents: labelled, of: data.train.length },
    ],
    ["models", `${models}; memory and time below are of one`, { students, ceilings: 1 }],
  ];
}

/** What can be known of a run that puts texts into classes; its models and rows are opened together, so that one problem is found at a time. */
async function checkClassification(
  config: ClassificationConfig,
  download: LocateOptions,
  measuring: () => void,
): Promise<RunCheck> {
  const facts: Fact[] = [];
  const data: Record<string, unknown> = {};
  const problems: LimbeckError[] = [];
  const warnings: { code: string; message: string }[] = [];
  try {
    const parts = await openClassification(config, download, () => {});
    const { teacher, student, classData } = parts;
    const found: Finding[] = [
      ...(teacher ? [["teacher", ...describeModel(teacher.model, teacher.tokenizer)] as const] : []),
      ["student", ...describeModel(student.model, student.tokenizer)],
      ["classes", classData.classes.join(", "), { classes: classData.classes }],
      ...describeData(config, parts.data),
    ];
    const costs = await describeCosts(config, parts, measuring);
    for (const [name, value, machine] of [...found, ...costs.facts]) {
      facts.push([name, value]);
      data[name] = machine;
    }
    warnings.push(...classData.warnings);
    if (costs.warning !== undefined) warnings.push({ code: "MEMORY", message: costs.warning });
    await expectRoom(config.output, student);
  } catch (error) {
    if (!(error instanceof LimbeckError) || error.code === "INTERRUPTED") throw error;
    problems.push(error);
  }
  return { facts, warnings, problems, data, starts: [] };
}

type Finding = readonly [name: string, value: string, machine: Readonly<Record<string, unknown>>];

function describeData(
  { data: options, training }: Pick<RunConfig, "data" | "training">,
  { train, heldOut }: LoadedData,
): Finding[] {
  const plan = planEpoch(train, { ...options, seed: training.seed, epoch: 0 });
  const stepsPerEpoch = Math.ceil(plan.sequences.length / sequencesIn(training.tokensPerStep, plan));
  const steps = training.steps ?? stepsPerEpoch * (training.epochs ?? 1);
  const epochs = steps / Math.max(1, stepsPerEpoch);
  const split = (documents: LoadedData["train"]): readonly [string, Readonly<Record<string, unknown>>] => {
    const { tokens, responseTokens } = measureDocuments(documents);
    const rows = new Set(documents.map(({ origin }) => `${origin.file}:${origin.row}`)).size;
    const words = [
      `${rows.toLocaleString("en-US")} rows`,
      `${formatCount(tokens)} tokens`,
      `${formatCount(responseTokens)} of them learned`,
    ];
    return [words.join(", "), { rows, tokens, responseTokens }];
  };
  return [
    ["train", ...split(train)],
    ["held out", ...split(heldOut)],
    [
      "epoch",
      `${plan.sequences.length.toLocaleString("en-US")} sequences of ${plan.sequenceLength} tokens, ${formatPercent(plan.waste)} of them empty`,
      { sequences: plan.sequences.length, sequenceLength: plan.sequenceLength, waste: plan.waste },
    ],
    [
      "steps",
      `${steps.toLocaleString("en-US")} of ${formatCount(training.tokensPerStep)} tokens, which is ${epochs.toFixed(epochs < 10 ? 1 : 0)} epochs`,
      {
        steps,
        stepsPerEpoch,
        epochs,
        tokensPerStep: training.tokensPerStep,
        microBatchTokens: training.microBatchTokens,
      },
    ],
  ];
}

/** Both at once: what a run needs at its peak, and how long it takes where it fits. */
async function describeCosts(
  config: RunConfig,
  parts: RunParts,
  measuring: () => void,
): Promise<{ readonly facts: readonly Finding[]; readonly warning: string | undefined }> {
  const memory = estimateMemory(config, await parts.student.start(), await parts.teacher?.load(), parts.objective);
  const available = os.totalmem();
  const needs: Finding = [
    "memory",
    `about ${formatBytes(memory.peakBytes)} of this machine's ${formatBytes(available)}`,
    { ...memory, machineBytes: available },
  ];
  if (memory.peakBytes > available) {
    const warning = `the run needs about ${formatBytes(memory.peakBytes)} of memory, got ${formatBytes(available)}; ${knob(config, memory)}`;
    return { facts: [needs], warning };
  }
  measuring();
  const threads = config.threads === "auto" ? os.availableParallelism() : config.threads;
  const time = await estimateTime(config, parts, threads);
  const shares = [
    `training ${formatSeconds(time.training)}`,
    ...(time.twin > 0 ? [`twin ${formatSeconds(time.twin)}`] : []),
    `evaluation ${formatSeconds(time.evaluation)}`,
  ];
  const takes: Finding = ["time", `about ${formatSeconds(time.seconds)}: ${shares.join(", ")}`, { ...time }];
  return { facts: [needs, takes], warning: undefined };
}

/** What to change first where memory is short. */
function knob(
  { training, data }: Pick<RunConfig, "data" | "training">,
  { microBatch, teacher, student }: MemoryEstimate,
): string {
  if (!training.recompute) return "set training.recompute: true.";
  if (microBatch > Math.max(teacher, student) && training.microBatchTokens > data.sequenceLength)
    return "lower training.microBatchTokens.";
  return teacher > student ? "take a smaller teacher." : "take a smaller student.";
}
