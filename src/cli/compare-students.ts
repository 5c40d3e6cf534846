/** @file Several students on the same rows, each beside the teacher, with what it takes to run them. */

import { stat } from "node:fs/promises";
import os from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import {
  assertSameTokenizer,
  hasTokenizer,
  loadTokenizer,
  measureDocuments,
  promptStudentViews,
  type Tokenizer,
} from "../data/index.js";
import { DataError } from "../errors.js";
import { summarizeModel } from "../evaluate/summarize-model.js";
import { readExportedConfig } from "../export/exported-model.js";
import { measureLatency } from "../export/measure-latency.js";
import { openExportedLogits, openOwnLogits, type RowLogits } from "../export/row-logits.js";
import { chooseDocuments, scoreDocuments } from "../export/score-documents.js";
import { architectureOf, virtualIds } from "../models/index.js";
import type { RowReader } from "../recipes/open-data.js";
import { expectNoSoftPrompt } from "../recipes/open-models.js";
import type { RunEvent } from "../recipes/recipe.js";
import { markFronts, type TradeOff, type TradeOffModel } from "../report/trade-off.js";
import { describeMachine } from "../training/run-directory.js";
import { packageVersion } from "../version.js";
import { locateModel } from "../weights/hub/index.js";
import { loadModelFolder } from "../weights/load-model.js";
import { openModelFolder } from "../weights/model-folder.js";
import { findStudent, openHeldOut, type StudentSource, teacherOf } from "./student-source.js";

export interface ComparisonRequest {
  /** Runs, model folders, `.gguf` files, models on the hub, or exported `.onnx` files. */
  readonly paths: readonly string[];
  readonly teacher?: string | undefined;
  readonly data?: string | undefined;
}

interface Options {
  readonly signal: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
}

/** A model that is on this machine. */
interface Subject {
  readonly name: string;
  /** A model folder, a `.gguf` file or an `.onnx` file. */
  readonly path: string;
  /** Where its tokenizer is. */
  readonly folder: string;
  readonly tokenizer: Tokenizer | undefined;
  readonly headWidth: number;
  /** Longest text that it reads. */
  readonly maxPositions: number;
  readonly virtualTokens: number;
}

/** Tokens of the rows that are measured on. */
const mostTokens = 4096;

const isOnnx = (path: string): boolean => path.endsWith(".onnx");

/**
 * Measures all of them on the rows of `data`, or else on those that the first run among them holds out.
 *
 * @throws DataError where there are no rows, or the students do not share a tokenizer.
 */
export async function compareStudents(request: ComparisonRequest, options: Options): Promise<TradeOff> {
  const { signal, onEvent } = options;
  const rows = await findRows(request);
  const subjects: Subject[] = [];
  for (const path of request.paths) subjects.push(await openSubject(path, options));
  const own = teacherOf(rows);
  // The files of a mixture are several; KL from one of them would say little of the student.
  const named = request.teacher ?? (own?.mixWith ? undefined : own?.model);
  const teacher = named === undefined ? undefined : await openSubject(named, options);
  if (teacher) expectNoSoftPrompt(teacher.name, teacher.virtualTokens);
  const all = [...(teacher ? [teacher] : []), ...subjects];
  for (const subject of all) assertShared(all[0]!, subject);
  const { documents: found } = await openHeldOut(rows, readerOf(subjects), onEvent);
  const longest = Math.min(...all.map(({ maxPositions }) => maxPositions));
  const documents = chooseDocuments(found, { mostTokens, longest });
  const threads = os.availableParallelism();
  const lengths = documents.map(({ student, teacher }) => Math.max(student.ids.length, teacher.ids.length));
  const positionCount = Math.max(...lengths) + Math.max(...all.map(({ virtualTokens }) => virtualTokens));
  const open = async ({ path }: Subject): Promise<RowLogits> =>
    isOnnx(path)
      ? openExportedLogits(path, { threads })
      : openOwnLogits(await loadModelFolder(path), { threads, positionCount });
  const reference = teacher && (await open(teacher));
  const measure = async (subject: Subject, isTeacher: boolean): Promise<TradeOffModel> => {
    const logits = await open(subject);
    const texts = isTeacher ? documents.map((document) => ({ ...document, student: document.teacher })) : documents;
    const views = promptStudentViews(texts, virtualIds(subject));
    const compared = reference && !isTeacher ? ({ logits: reference, side: "teacher" } as const) : undefined;
    const onProgress = (done: number, total: number) =>
      onEvent({ type: "progress", task: `measuring ${subject.name}`, done, total, unit: "tokens" });
    const scores = await scoreDocuments(views, logits, compared, { signal, onProgress }).finally(() =>
      logits.dispose(),
    );
    const { perplexity, klFromTeacher, top1Agreement } = summarizeModel(scores, documents);
    const { promptMsPerToken, decodeMsPerToken, peakMemoryBytes } = await measureLatency(
      { model: subject.path, threads },
      signal,
    );
    const cost = { bytes: await bytesOf(subject), peakMemoryBytes, promptMsPerToken, decodeMsPerToken };
    return { name: subject.name, path: subject.path, ...cost, perplexity, klFromTeacher, top1Agreement };
  };
  const quality = teacher ? "kl" : "perplexity";
  try {
    const measured: TradeOffModel[] = [];
    for (const subject of subjects) measured.push(await measure(subject, false));
    const { tokens, responseTokens } = measureDocuments(documents);
    return {
      limbeckTradeOff: 1,
      created: new Date().toISOString(),
      limbeckVersion: packageVersion,
      machine: describeMachine(),
      threads,
      data: { documents: documents.length, tokens, responseTokens },
      quality,
      teacher: teacher ? await measure(teacher, true) : null,
      students: markFronts(measured, quality),
    };
  } finally {
    await reference?.dispose();
  }
}

/** A student that names no rows of its own is measured on the others'. */
async function findRows({ paths, data }: ComparisonRequest): Promise<StudentSource> {
  let problem: DataError | undefined;
  for (const path of paths) {
    try {
      return await findStudent("evaluate", path, data);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      problem ??= error;
    }
  }
  throw problem!;
}

async function openSubject(model: string, { signal, onEvent }: Options): Promise<Subject> {
  if (isOnnx(model)) {
    const { folder, config } = await readExportedConfig(model);
    const { headWidth, maxPositions } = architectureOf(config).parse(config);
    const name = join(basename(resolve(folder)), relative(folder, model));
    const shape = { headWidth, maxPositions, virtualTokens: 0 };
    return { name, path: model, folder, tokenizer: await tokenizerOf(folder), ...shape };
  }
  const student = join(model, "student");
  const isRun = await stat(join(model, "config.yaml")).then(
    () => true,
    () => false,
  );
  const path = isRun ? student : await locateModel(model, { signal, onEvent });
  await using opened = await openModelFolder(path);
  const { virtualTokens } = opened;
  const { headWidth, maxPositions } = architectureOf(opened.config).parse(opened.config);
  const isInRun = basename(resolve(path)) === "student";
  const name = basename(resolve(isInRun ? dirname(resolve(path)) : model));
  const shape = { headWidth, maxPositions: maxPositions - virtualTokens, virtualTokens };
  return { name, path, folder: path, tokenizer: await tokenizerOf(path), ...shape };
}

async function tokenizerOf(folder: string): Promise<Tokenizer | undefined> {
  return (await hasTokenizer(folder)) ? loadTokenizer(folder) : undefined;
}

function assertShared(first: Subject, other: Subject): void {
  if (first.tokenizer && other.tokenizer) {
    assertSameTokenizer(first.tokenizer, other.tokenizer);
    return;
  }
  if (first.headWidth === other.headWidth) return;
  throw new DataError(
    `evaluate: models must share a tokenizer; where one has none their heads must be equally wide, got ${first.headWidth} ("${first.name}") and ${other.headWidth} ("${other.name}").`,
    { hint: "Put the tokenizer's files beside the models." },
  );
}

/** What rows are encoded for: the first student that has a tokenizer. */
function readerOf(subjects: readonly Subject[]): RowReader {
  const first = subjects.find(({ tokenizer }) => tokenizer !== undefined) ?? subjects[0]!;
  const { tokenizer, headWidth, maxPositions } = first;
  return { tokenizer, model: { shape: { headWidth, maxPositions } } };
}

async function bytesOf({ path }: Subject): Promise<number> {
  if (!isOnnx(path)) {
    await using folder = await openModelFolder(path);
    return folder.bytesOnDisk;
  }
  const sizes = await Promise.all([path, `${path}_data`].map((file) => stat(file).catch(() => undefined)));
  return sizes.reduce((sum, file) => sum + (file?.size ?? 0), 0);
}
