/** @file The report of a run that puts texts into classes: every model measured on the same held-out texts. */

import { basename } from "node:path";
import type { DistillationBatch } from "../data/batch.js";
import type { ClassData } from "../data/class-documents.js";
import type { TextReader } from "../data/text-reader.js";
import { InterruptedError } from "../errors.js";
import { answersOf, answersOfStudent, compareAnswers } from "../evaluate/class-probabilities.js";
import { accuracyLead, type LabelledTexts } from "../evaluate/class-worth.js";
import { type ClassProbabilities, likeliestClasses, measureClasses } from "../evaluate/classification.js";
import { packBatches } from "../evaluate/score-batches.js";
import { median, quantile } from "../evaluate/statistics.js";
import { countParameters } from "../models/architecture.js";
import type { ModelDefinition } from "../models/model-graph.js";
import { warnAboutClassTeacher } from "../report/class-worth-text.js";
import type { ClassModelReport, ClassTeacherFacts } from "../report/classification.js";
import type { ModelReport, ModelRole, Report } from "../report/report.js";
import { askAboutText, type ClassTeacher, makeClassTeacher } from "../teachers/class-teacher.js";
import { widestBatch } from "../training/train-student.js";
import { loadModelFolder, type ModelWithWeights } from "../weights/load-model.js";
import { classWorthOf } from "./class-worth.js";
import { historyOf, runFacts } from "./make-report.js";
import type { OpenedClassStudent, OpenedClassTeacher } from "./open-class-models.js";
import type { RecipeContext } from "./recipe.js";
import type { CommonConfig, RunParts, Trained } from "./run-parts.js";

/** What the recipe knows beside the parts that all recipes have. */
export interface ClassParts {
  readonly classData: ClassData;
  readonly student: OpenedClassStudent;
  /** Undefined where the rows teach, or labels alone. */
  readonly teacher: OpenedClassTeacher | undefined;
  readonly labelWords: Readonly<Record<string, string>> | undefined;
  /** Where the teacher's classes come from; undefined where labels alone teach. */
  readonly source: ClassTeacher | undefined;
  /** What was taken off each class's logit. */
  readonly leaning: readonly number[] | undefined;
}

/** Texts that are read one at a time to measure how long that takes. */
const timedTexts = 48;

export async function makeClassReport(
  context: RecipeContext<CommonConfig>,
  parts: RunParts,
  { trained, twin, threads, started }: Trained,
  own: ClassParts,
): Promise<Report> {
  const { config } = context;
  const { data, student } = parts;
  const { classData, teacher, source } = own;
  const bench = new ClassBench(context, classData, threads);
  const after = await loadModelFolder(trained.path);
  const parameters = countParameters(student.model.architecture.parameters(student.model.shape));
  const size = { parameters, bytesOnDisk: after.bytesOnDisk };
  const models: ClassModelReport[] = [];
  const taught = source && (await bench.answersOf("the teacher", source));
  if (source && taught) {
    const name = teacher?.name ?? "the rows";
    const facts = teacher && { parameters: parametersOf(teacher.model), bytesOnDisk: teacher.model.bytesOnDisk };
    const milliseconds = teacher ? await bench.time(source, teacher.side) : null;
    models.push(bench.describe("teacher", name, facts, milliseconds, taught, undefined));
  }
  const milliseconds = await bench.timeStudent(after, own.student.side);
  const measure = async (role: ModelRole, name: string, words: string, model: ModelWithWeights) => {
    const answers = await bench.answersOfStudent(words, model);
    models.push(bench.describe(role, name, size, milliseconds, answers, taught));
    return answers;
  };
  const before = await measure("student-before", "student before", "the student before", await student.start());
  const answers = await measure("student-after", basename(config.output), "the student", after);
  const twinAnswers = twin && (await measure("twin", "twin", "the twin", await loadModelFolder(twin.path)));
  const students = { "student-before": before, "student-after": answers, ...(twinAnswers && { twin: twinAnswers }) };
  const teacherWorth = taught && classWorthOf(taught, students, data.train, bench.labelled);
  return {
    ...runFacts(context, parts, { trained, threads, started }, parameters),
    models: models.flatMap((model) => bench.asModelReport(model) ?? []),
    gainOverTwin: null,
    classification: {
      classes: classData.classes,
      data: classData.facts,
      teacher: teacherFacts(own),
      models,
      ...(teacherWorth && { teacherWorth }),
      gainOverTwin: twinAnswers
        ? accuracyLead(likeliestClasses(answers), likeliestClasses(twinAnswers), bench.labelled)
        : null,
    },
    history: { student: historyOf(trained), twin: twin ? historyOf(twin) : null },
    tokensThatDiffer: [],
    warnings: [...data.warnings, ...warnAboutClassTeacher(teacherWorth ?? [])],
  };
}

/** Held-out batches and what is needed to measure models on them. */
class ClassBench {
  readonly labelled: LabelledTexts;
  readonly #context: RecipeContext<CommonConfig>;
  readonly #data: ClassData;
  readonly #batches: readonly DistillationBatch[];
  readonly #threads: number;
  /** Tokens per second of each model, by its answers. */
  readonly #speeds = new Map<ClassProbabilities, number>();
  readonly #rates = new Map<ClassModelReport, number>();

  constructor(context: RecipeContext<CommonConfig>, data: ClassData, threads: number) {
    this.#context = context;
    this.#data = data;
    this.#threads = threads;
    const { sequenceLength } = context.config.data;
    this.#batches = packBatches(data.heldOut, {
      sequenceLength,
      batchTokens: context.config.training.microBatchTokens,
    });
    const targets = Int32Array.from(data.heldOut, ({ classified }) => classified!.target);
    this.labelled = { targets, groups: data.heldOutGroups };
  }

  answersOf(name: string, teacher: ClassTeacher): Promise<ClassProbabilities> {
    return this.#timed(name, "teacher", (options) => answersOf(teacher, this.#batches, options));
  }

  answersOfStudent(name: string, model: ModelWithWeights): Promise<ClassProbabilities> {
    const positionCount = widestBatch(this.#data.heldOut, this.#context.config.data.sequenceLength);
    return this.#timed(name, "student", (options) =>
      answersOfStudent(model, this.#batches, { ...options, positionCount, threads: this.#threads }),
    );
  }

  async #timed(
    name: string,
    side: "student" | "teacher",
    work: (options: { readonly documents: number; readonly signal: AbortSignal }) => Promise<ClassProbabilities>,
  ): Promise<ClassProbabilities> {
    const { emit, signal } = this.#context;
    emit({ type: "phase", phase: "evaluating", message: `measuring ${name} on held-out texts` });
    const tokens = this.#data.heldOut.reduce((sum, document) => sum + document[side].ids.length, 0);
    const before = performance.now();
    const answers = await work({ documents: this.#data.heldOut.length, signal });
    this.#speeds.set(answers, tokens / ((performance.now() - before) / 1000));
    return answers;
  }

  describe(
    role: ModelRole,
    name: string,
    size: { readonly parameters: number; readonly bytesOnDisk: number } | undefined,
    milliseconds: ClassModelReport["milliseconds"],
    answers: ClassProbabilities,
    taught: ClassProbabilities | undefined,
  ): ClassModelReport {
    const { agreement, kl } = taught
      ? compareAnswers(taught, answers, this.#data.heldOutGroups)
      : { agreement: null, kl: null };
    const model = {
      role,
      name,
      parameters: size?.parameters ?? null,
      bytesOnDisk: size?.bytesOnDisk ?? null,
      milliseconds,
      quality: measureClasses(answers, this.labelled.targets, this.labelled.groups),
      agreement,
      klFromTeacher: kl,
    };
    this.#rates.set(model, this.#speeds.get(answers)!);
    return model;
  }

  /** From text to class, one text after the other, the first once before. */
  async time(
    teacher: ClassTeacher,
    { reader, position }: { readonly reader: TextReader; readonly position: "first" | "last" },
  ): Promise<ClassModelReport["milliseconds"]> {
    const texts = this.#data.heldOutRows.slice(0, timedTexts);
    if (texts.length === 0) return null;
    const ask = async ({ text, row }: (typeof texts)[number]) => {
      if (this.#context.signal.aborted) throw new InterruptedError("evaluate: stopped while measuring.");
      const before = performance.now();
      await askAboutText(teacher, reader.read(text, row).ids, position);
      return performance.now() - before;
    };
    await ask(texts[0]!);
    const taken: number[] = [];
    for (const text of texts) taken.push(await ask(text));
    return { median: median(taken), p95: quantile(taken, 0.95) };
  }

  async timeStudent(
    model: ModelWithWeights,
    side: OpenedClassStudent["side"],
  ): Promise<ClassModelReport["milliseconds"]> {
    const outputs = [...this.#data.classes.keys()];
    const positionCount = this.#context.config.data.sequenceLength;
    const program = await makeClassTeacher(model, { positionCount, threads: this.#threads, outputs });
    try {
      return await this.time(program, side);
    } finally {
      await program.dispose();
    }
  }

  /** The model as the rest of limbeck knows models; undefined where the rows taught. */
  asModelReport(model: ClassModelReport): ModelReport | undefined {
    const { role, name, parameters, bytesOnDisk, agreement } = model;
    if (parameters === null || bytesOnDisk === null) return undefined;
    const nothing = { perplexity: null, bitsPerByte: null, klFromTeacher: null };
    const tokensPerSecond = this.#rates.get(model)!;
    return { role, name, parameters, bytesOnDisk, tokensPerSecond, ...nothing, top1Agreement: agreement };
  }
}

function parametersOf({ architecture, shape }: ModelDefinition): number {
  return countParameters(architecture.parameters(shape));
}

function teacherFacts({ teacher, leaning, labelWords, source, classData }: ClassParts): ClassTeacherFacts | null {
  if (!source) return null;
  if (!teacher) return { kind: "rows" };
  if (teacher.kind === "classifier") return { kind: "classifier" };
  const words = classData.classes.map((name, i) => ({
    word: labelWords![name]!,
    share: leaning ? Math.exp(leaning[i]!) : null,
  }));
  return { kind: "label-words", words };
}
