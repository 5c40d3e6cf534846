/** @file Where a run's signals come from: the teacher itself, or a cache that is filled first with what it lacks. */

import { codecOf } from "../signals/cache/index.js";
import { teacherHeadName } from "../signals/signal-feeds.js";
import type { TeacherSource } from "../signals/teacher-signal.js";
import { makeCachedTeacher, OpenCaptures } from "../teachers/cached-teacher.js";
import { makeLocalTeacher } from "../teachers/local-teacher.js";
import { teacherPrefix } from "../teachers/shared-prefix.js";
import { makeSparseTeacher } from "../teachers/sparse-teacher.js";
import { widestBatch } from "../training/train-student.js";
import { loadOutputHead } from "../weights/load-model.js";
import { askedDocuments } from "./asked-documents.js";
import { compileTeacher } from "./compile-teacher.js";
import { fillCache, storedOf } from "./fill-cache.js";
import type { RecipeContext } from "./recipe.js";
import { type CommonConfig, type RunParts, tapsFor } from "./run-parts.js";

/** What a run learns from. With a cache the teacher is asked for what no capture holds, and nothing else; undefined where nothing teaches. */
export async function openTeacherSource(
  context: RecipeContext<CommonConfig>,
  parts: RunParts,
  threads: number,
): Promise<TeacherSource | undefined> {
  const { config } = context;
  const { teacher, data } = parts;
  if (!config.cache || !teacher) return openLiveSource(config, parts, threads);
  const { cache } = config;
  const asked = { ...parts, teacher, data: { ...data, train: askedDocuments(data.train, config) } };
  const { captures } = await fillCache(context, cache, asked, threads);
  const open = await OpenCaptures.open(captures);
  const { form } = codecOf(storedOf(cache, asked));
  if (form.kind === "sparse" && cache.store.kind === "sparse") {
    const cached = makeCachedTeacher(open, { form: { ...form, tail: cache.store.tail }, headFeeds: {} });
    for (const warning of warnAboutSignals(cached)) context.emit({ type: "warning", ...warning });
    return cached;
  }
  return makeCachedTeacher(open, { form, headFeeds: { [teacherHeadName]: await loadOutputHead(teacher.model) } });
}

/** Where the run's signals come from in the first place: the recipe's own source, or the teacher, in the form that the run learns from. */
export async function openLiveSource(
  { data: { sequenceLength }, cache }: Pick<CommonConfig, "data" | "cache">,
  parts: RunParts,
  threads: number,
): Promise<TeacherSource | undefined> {
  const { teacher, data, makeTeacher } = parts;
  const documents = [...data.train, ...data.heldOut];
  const positionCount = widestBatch(documents, sequenceLength);
  if (makeTeacher) return makeTeacher({ positionCount, threads });
  if (!teacher) return undefined;
  const taps = tapsFor(parts, teacher.model);
  const options = { positionCount, threads, prefix: teacherPrefix(documents), taps };
  const stored = cache && storedOf(cache, { ...parts, teacher });
  if (stored?.kind !== "sparse") return compileTeacher(teacher, options);
  return makeSparseTeacher(await makeLocalTeacher(await teacher.load(), options), stored, threads);
}

/** What a reader of a run's numbers should know of where they come from. */
export function warnAboutSignals(
  source: TeacherSource | undefined,
): readonly { readonly code: string; readonly message: string }[] {
  if (source?.form.kind !== "sparse") return [];
  const { tail, k } = source.form;
  const what = {
    bucket: "with all others as one: never above the true KL",
    drop: "without the others: not the true KL, and perhaps below 0",
    renormalize: "as if there were no others: not the true KL",
    sampled: "and others drawn at random: right on average, but noisy",
  };
  const message = `the teacher's signals are at most ${k} tokens each; KL from the teacher is measured on them, ${what[tail]}.`;
  return [{ code: "sparse-signals", message }];
}
