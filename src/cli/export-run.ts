/** @file What `limbeck export` does: finds the student and its rows, exports, and tells the run. */

import { readFile } from "node:fs/promises";
import os from "node:os";
import { basename, join, resolve } from "node:path";
import { gotClassifier } from "../evaluate/got-classifier.js";
import { exportStudent } from "../export/export-student.js";
import { readLicense } from "../export/license.js";
import type { CardFacts, SourceModel } from "../export/model-card.js";
import { openStudent } from "../recipes/open-models.js";
import type { RunEvent } from "../recipes/recipe.js";
import type { ExportReport } from "../report/export-report.js";
import { joinExport } from "../report/join-export.js";
import type { Report } from "../report/report.js";
import { locateModel, parseHubName, shortNames } from "../weights/hub/index.js";
import { expectNewFolder } from "../weights/index.js";
import { loadModelFolder } from "../weights/load-model.js";
import { expectFormat } from "./export-formats.js";
import { findStudent, openHeldOut, type StudentSource, teacherOf } from "./student-source.js";

export interface ExportCommand {
  /** A run, a model folder, a `.gguf` file, or a model on the hub. */
  readonly student: string;
  readonly to: string;
  /** As it was typed. */
  readonly format: string;
  readonly precisions: readonly string[];
  readonly data?: string | undefined;
}

export interface ExportOutcome {
  readonly report: ExportReport;
  /** The run whose report now has the export. */
  readonly run: string | undefined;
}

/** Exports in this thread: between two documents the event loop runs, and `signal` is looked at. */
export async function runExport(
  command: ExportCommand,
  { signal, onEvent }: { readonly signal: AbortSignal; readonly onEvent: (event: RunEvent) => void },
): Promise<ExportOutcome> {
  await expectNewFolder(command.to);
  const source = await findStudent("export", command.student, command.data);
  const path = await locateModel(source.student, { signal, onEvent });
  const opened = await openStudent({ model: path }, undefined, { seed: 0, sequenceLength: 0 });
  if (opened.model.shape.classHead) throw gotClassifier("export", source.student);
  const format = expectFormat(command.format, opened.model.shape);
  const { documents } = await openHeldOut(source, opened, onEvent);
  const student = await loadModelFolder(path);
  const threads = os.availableParallelism();
  onEvent({
    type: "phase",
    phase: "evaluating",
    message: `exporting ${command.precisions.join(", ")} to ${command.to}`,
  });
  const report = await exportStudent(
    {
      student,
      to: command.to,
      format,
      precisions: command.precisions,
      heldOut: documents,
      threads,
      card: {
        hasTokenizer: opened.tokenizer !== undefined,
        hasChatTemplate: opened.tokenizer?.chatTemplate !== undefined,
        sources: await sourcesOf(source, path),
        ...(await factsOf(source)),
      },
    },
    { signal, onProgress: (task, done, total) => onEvent({ type: "progress", task, done, total, unit: "tokens" }) },
  );
  const joined = source.run !== undefined && (await joinExport(source.run.path, report));
  return { report, run: joined ? source.run?.path : undefined };
}

/** The models that the student was made from. One that is no longer on this machine states no licence. */
async function sourcesOf(source: StudentSource, path: string): Promise<readonly SourceModel[]> {
  if (source.run === undefined) return [await describeSource("model", source.student, path)];
  const { config } = source.run;
  const models: SourceModel[] = [];
  const add = async (role: SourceModel["role"], model: string | undefined) => {
    if (model === undefined) return;
    const found = await locateModel(model, { offline: true }).catch(() => undefined);
    models.push(await describeSource(role, model, found));
  };
  const teacher = teacherOf(source);
  for (const model of [teacher?.model, ...(teacher?.mixWith ?? []).map(({ model }) => model)])
    await add("teacher", model);
  await add("start", config.student.model);
  return models;
}

async function describeSource(
  role: SourceModel["role"],
  model: string,
  path: string | undefined,
): Promise<SourceModel> {
  const license = path === undefined ? undefined : await readLicense(path);
  // A path that exists is never a name on the hub, whatever it looks like.
  const id = path === model ? undefined : parseHubName(shortNames.get(model)?.hub ?? model)?.id;
  return { role, name: id ?? basename(resolve(model)), isOnHub: id !== undefined, license };
}

async function factsOf({ run }: StudentSource): Promise<Pick<CardFacts, "config" | "report">> {
  if (run === undefined) return {};
  const text = await readFile(join(run.path, "report.json"), "utf8").catch(() => undefined);
  const config = run.config as unknown as Readonly<Record<string, unknown>>;
  return { config, report: text === undefined ? undefined : (JSON.parse(text) as Report) };
}
