/** @file A teacher that runs here: it reads a batch and hands over its final hidden states of the response rows. */

import { tokenFeeds } from "../data/batch-feeds.js";
import { Graph } from "../graph/graph.js";
import { gather } from "../graph/ops/index.js";
import { placeModel } from "../models/model-graph.js";
import { type CompileOptions, compile, type Feeds } from "../runtime/executor.js";
import { type HostTensor, int32Tensor } from "../runtime/tensor.js";
import { type SignalForm, teacherHeadName } from "../signals/signal-feeds.js";
import type { DenseSignal, HiddenSignal, TeacherSource } from "../signals/teacher-signal.js";
import type { ModelWithWeights } from "../weights/load-model.js";
import { type HiddenReader, makePrefixReader } from "./prefix-reader.js";

/** A teacher that is here: it says whole distributions, by hidden states or by logits. */
export interface LocalTeacher extends TeacherSource {
  readonly form: SignalForm & { readonly kind: "hidden" | "dense" };
  /** The output head that goes with hidden states, fed to every graph that reads the signal; nothing with logits. */
  readonly headFeeds: Feeds;
  signal: (batch: Parameters<TeacherSource["signal"]>[0]) => Promise<HiddenSignal | DenseSignal>;
}

export interface LocalTeacherOptions extends CompileOptions {
  /** Longest sequence it will read. */
  readonly positionCount: number;
  /** What every document of every batch begins with on the teacher's side; see `teacherPrefix`. */
  readonly prefix?: Int32Array | undefined;
}

/** A teacher whose weights may be changed where they lie. */
export interface LiveTeacher extends LocalTeacher {
  readonly form: SignalForm & { readonly kind: "hidden" };
  signal: (batch: Parameters<TeacherSource["signal"]>[0]) => Promise<HiddenSignal>;
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
    headFeeds: { [teacherHeadName]: outputHead(model) },
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

/** The weight of a model's output head: its embedding table where tied. */
function outputHead({ weights, shape }: ModelWithWeights): HostTensor {
  return weights.get(shape.tiedHead ? "model.embed_tokens.weight" : "lm_head.weight")!;
}
