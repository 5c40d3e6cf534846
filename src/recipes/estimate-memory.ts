/** @file How much memory a run will need, told from its graphs before anything is compiled. */

import type { LoadedData, TransferDocument } from "../data/index.js";
import { buildRowScorer } from "../evaluate/row-scores.js";
import { Graph } from "../graph/graph.js";
import { peakLiveBytes } from "../graph/live-memory.js";
import { chunkRowsFor } from "../losses/chunked-head.js";
import { planFeatures, teacherTaps } from "../losses/features/feature-terms.js";
import { needsTeacher } from "../losses/objective.js";
import { finalObjective, type Objective } from "../losses/options.js";
import { countParameters } from "../models/architecture.js";
import { tapWidth } from "../models/layer-taps.js";
import { type ModelDefinition, placeModel } from "../models/model-graph.js";
import type { SignalForm } from "../signals/signal-feeds.js";
import type { StudentModel } from "../students/student-model.js";
import { sequencesAtOnce } from "../teachers/class-teacher.js";
import { hiddenFormOf } from "../teachers/local-teacher.js";
import { mixtureFormOf } from "../teachers/mixture-teacher.js";
import { buildTrainingGraph } from "../training/training-graph.js";
import type { ModelWithWeights } from "../weights/load-model.js";
import type { CommonConfig } from "./run-parts.js";
import { largestTeacherBatch, type TeacherBatch } from "./teacher-batch.js";

/** Node.js, the engine and the tokenizer. */
const programBytes = 2.5e8;
/** What JavaScript adds to the tokens of a document, and to each view of it. */
const bytesPerView = 450;
/** What the engine's allocator holds beyond what is in use, measured on runs from 9 to 135 million parameters. */
const allocatorOverhead = 1.15;

/** Peak resident memory of a run, in bytes, and the parts that it is the sum of. */
export interface MemoryEstimate {
  readonly peakBytes: number;
  /** Weights; of those that are trained two moments and two gradients: the one in use, and the last step's until it is collected. */
  readonly student: number;
  /** Weights, what reading a micro-batch takes, and what its layers hand over of it. */
  readonly teacher: number;
  /** What a micro-batch needs forward and backward, gradients included. */
  readonly microBatch: number;
  /** What an evaluation needs; the engine keeps it between evaluations. */
  readonly evaluation: number;
  /** The documents as token ids. */
  readonly documents: number;
}

/** What a model's body needs to read a batch. */
function bytesToRead(model: ModelDefinition, batch: TeacherBatch): number {
  const graph = new Graph();
  const { hidden } = placeModel(graph, model, { positionCount: batch.tokens });
  return allocatorOverhead * peakLiveBytes(graph, [hidden], { ...batch });
}

function bytesOfDocuments(documents: readonly TransferDocument[]): number {
  const views = documents.flatMap(({ student, teacher }) => (teacher === student ? [student] : [student, teacher]));
  return views.reduce((sum, { ids, responseMask }) => sum + ids.byteLength + responseMask.byteLength + bytesPerView, 0);
}

/** A teacher with its weights, and how much it counts beside others. */
export interface TeacherWeights {
  readonly model: ModelWithWeights;
  readonly weight: number;
}

/**
 * @param teachers - all that teach at once; nothing where none does.
 * @param loaded - all that the run holds, to learn from and to measure with.
 */
export function estimateMemory(
  config: Pick<CommonConfig, "data" | "training">,
  student: ModelDefinition & Pick<StudentModel, "frozen">,
  teachers: readonly TeacherWeights[],
  objective: Objective,
  loaded: LoadedData,
): MemoryEstimate {
  const { data, training } = config;
  const tokens = data.sequenceLength;
  const rows = training.microBatchTokens;
  const chunkRows = chunkRowsFor(student.shape.headWidth, rows);
  const sequences = Math.ceil(rows / tokens);
  const sizes = { sequences, tokens, places: tokens, chunks: Math.ceil(rows / chunkRows), chunkRows };
  const hidden = student.shape.classHead ? undefined : hiddenOf(teachers);
  const signal = hidden ?? classForm(student, teachers[0]?.model, objective);
  const layers = hidden?.kind === "hidden" ? hidden.layers : undefined;
  const taps = layers ? teacherTaps(planFeatures(objective, student, hidden)) : [];
  const tapped = taps.reduce((sum, { part }) => sum + 4 * rows * tapWidth(layers!, part), 0);
  const batch = largestTeacherBatch(config, loaded);
  const read = hidden ? batch : { ...batch, sequences: sequencesAtOnce(batch) };
  const reading = teachers.reduce((sum, { model }) => sum + bytesToRead(model, read), 0);
  const live = ({ graph, outputs }: Pick<ReturnType<typeof buildRowScorer>, "graph" | "outputs">): number =>
    allocatorOverhead * peakLiveBytes(graph, Object.values(outputs), sizes);
  const shared = { positionCount: tokens };
  const parts = {
    student: bytesOf(student) + 4 * bytesOf(student, student.frozen),
    teacher: teachers
      .flatMap(({ model }) => [...model.weights.values()])
      .reduce((sum, { data }) => sum + data.byteLength, tapped + reading),
    microBatch: live(
      buildTrainingGraph(student, objective, {
        ...shared,
        signal: needsTeacher(objective) ? signal : undefined,
        recompute: training.recompute,
        measuresGradients: training.termGradientNorms || training.balance === "gradient-norm",
        frozen: student.frozen,
      }),
    ),
    evaluation: live(buildRowScorer(student, { ...shared, signal, objective: finalObjective(objective) })),
    documents: bytesOfDocuments([...loaded.train, ...loaded.heldOut]),
  };
  return { ...parts, peakBytes: Object.values(parts).reduce((sum, bytes) => sum + bytes, programBytes) };
}

function hiddenOf(teachers: readonly TeacherWeights[]): SignalForm | undefined {
  const [first] = teachers;
  if (teachers.length < 2) return first && hiddenFormOf(first.model);
  return mixtureFormOf(teachers.map(({ model, weight }) => ({ ...model.shape, weight })));
}

/** Classes come as logits, from a model or from the rows; undefined for a student that predicts tokens, or learns labels alone. */
function classForm(
  { shape: { classHead, headWidth } }: ModelDefinition,
  teacher: ModelDefinition | undefined,
  objective: Objective,
): SignalForm | undefined {
  return classHead && (teacher || needsTeacher(objective)) ? { kind: "dense", headWidth } : undefined;
}

function bytesOf({ architecture, shape }: ModelDefinition, without?: ReadonlySet<string>): number {
  return 4 * countParameters(architecture.parameters(shape).filter(({ name }) => !without?.has(name)));
}
