/** @file A teacher that runs here: it reads a batch and hands over its final hidden states of the response rows. */

import { tokenFeeds } from "../data/batch-feeds.js";
import { Graph } from "../graph/graph.js";
import { gather } from "../graph/ops/index.js";
import { placeModel } from "../models/model-graph.js";
import { type CompileOptions, compile } from "../runtime/executor.js";
import { int32Tensor } from "../runtime/tensor.js";
import { type SignalForm, teacherHeadName } from "../signals/signal-feeds.js";
import type { HiddenSignal, TeacherSource } from "../signals/teacher-signal.js";
import { type ModelWithWeights, outputHeadName } from "../weights/load-model.js";
import { type HiddenReader, makePrefixReader } from "./prefix-reader.js";

/** A model that teaches by its hidden states, with the output head that goes with them. */
export interface LocalTeacher extends TeacherSource {
  readonly form: SignalForm & { readonly kind: "hidden" };
  signal: (batch: Parameters<TeacherSource["signal"]>[0]) => Promise<HiddenSignal>;
}

export interface LocalTeacherOptions extends CompileOptions {
  /** Longest sequence it will read. */
  readonly positionCount: number;
  /** What every document of every batch begins with on the teacher's side; see `teacherPrefix`. */
  readonly prefix?: Int32Array | undefined;
}

/** A teacher whose weights may be changed where they lie. */
export interface LiveTeacher extends LocalTeacher {
  /** To be called after they were. */
  weightsChanged(): void;
}

/** Compiles a teacher's body. */
export async function makeLocalTeacher(model: ModelWithWeights, options: LocalTeacherOptions): Promise<LiveTeacher> {
  const { prefix } = options;
  const reader = prefix ? await makePrefixReader(model, prefix, options) : await makeBatchReader(model, options);
  const { headWidth, hiddenSize } = model.shape;
  return {
    form: { kind: "hidden", headWidth, hiddenSize },
    headFeeds: { [teacherHeadName]: model.weights.get(outputHeadName(model.shape))! },
    async signal(batch) {
      const hidden = await reader.read(batch);
      return { kind: "hidden", rows: batch.rows.count, headWidth, hiddenSize, hidden };
    },
    weightsChanged: () => reader.weightsChanged(),
    dispose: () => reader.dispose(),
  };
}

async function makeBatchReader(model: ModelWithWeights, options: LocalTeacherOptions): Promise<HiddenReader> {
  const graph = new Graph();
  const placed = placeModel(graph, model, { positionCount: options.positionCount });
  const rowIndex = graph.input("rowIndex", "int32", ["rows"]);
  const program = await compile(graph, { hidden: gather(placed.hidden, rowIndex) }, options);
  const weights = Object.fromEntries(model.weights);
  return {
    async read({ teacher, rows }) {
      const feeds = { ...tokenFeeds(teacher), rowIndex: int32Tensor([rows.count], rows.teacherIndex) };
      const { hidden } = await program.run({ ...weights, ...feeds });
      return hidden.data as Float32Array;
    },
    weightsChanged() {},
    dispose: () => program.dispose(),
  };
}
