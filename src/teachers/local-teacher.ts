/** @file A teacher that runs here: it reads a batch and hands over its final hidden states of the response rows. */

import { tokenFeeds } from "../data/batch-feeds.js";
import { comparedPlaces } from "../data/places.js";
import { Graph, type Value } from "../graph/graph.js";
import { gather } from "../graph/ops/index.js";
import { type LayerTap, layerFormOf, takeTap, tapName } from "../models/layer-taps.js";
import { type ModelDefinition, placeModel } from "../models/model-graph.js";
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
  /** What its layers compute that every signal holds besides. The prefix is then read with every document. */
  readonly taps?: readonly LayerTap[] | undefined;
}

/** A teacher whose weights may be changed where they lie. */
export interface LiveTeacher extends LocalTeacher {
  /** To be called after they were. */
  weightsChanged(): void;
}

/** The form of a local teacher's signals. */
export function hiddenFormOf(model: ModelDefinition, taps: readonly LayerTap[] = []): LocalTeacher["form"] {
  const { headWidth, hiddenSize } = model.shape;
  const layers = layerFormOf(model);
  return { kind: "hidden", headWidth, hiddenSize, ...(layers && { layers: { ...layers, taps } }) };
}

/** Compiles a teacher's body. */
export async function makeLocalTeacher(model: ModelWithWeights, options: LocalTeacherOptions): Promise<LiveTeacher> {
  const { prefix, taps = [] } = options;
  const isPrefixShared = prefix !== undefined && taps.length === 0;
  const reader = isPrefixShared
    ? await makePrefixReader(model, prefix, options)
    : await makeBatchReader(model, options);
  const { headWidth, hiddenSize } = model.shape;
  return {
    form: hiddenFormOf(model, taps),
    headFeeds: { [teacherHeadName]: model.weights.get(outputHeadName(model.shape))! },
    async signal(batch) {
      const read = await reader.read(batch);
      return { kind: "hidden", rows: batch.rows.count, headWidth, hiddenSize, ...read };
    },
    weightsChanged: () => reader.weightsChanged(),
    dispose: () => reader.dispose(),
  };
}

async function makeBatchReader(
  model: ModelWithWeights,
  { taps = [], ...options }: LocalTeacherOptions,
): Promise<HiddenReader> {
  const graph = new Graph();
  const placed = placeModel(graph, model, { positionCount: options.positionCount });
  const rowIndex = graph.input("rowIndex", "int32", ["rows"]);
  const outputs: Record<string, Value> = { hidden: gather(placed.hidden, rowIndex) };
  if (taps.length > 0) {
    const places = graph.input("places", "int32", ["lines", "places"]);
    for (const tap of taps) outputs[tapName(tap)] = takeTap(placed, tap, places);
  }
  const program = await compile(graph, outputs, options);
  const weights = Object.fromEntries(model.weights);
  return {
    async read(batch) {
      const { teacher, rows } = batch;
      const places = taps.length > 0 ? comparedPlaces(batch) : undefined;
      const results = await program.run({
        ...weights,
        ...tokenFeeds(teacher),
        rowIndex: int32Tensor([rows.count], rows.teacherIndex),
        ...(places && { places: int32Tensor([places.sequences, places.places], places.teacherIndex) }),
      });
      const floats = (name: string) => results[name]!.data as Float32Array;
      const names = taps.map(tapName);
      return {
        hidden: floats("hidden"),
        ...(places && { tapped: { ...places, taps: new Map(names.map((name) => [name, floats(name)])) } }),
      };
    },
    weightsChanged() {},
    dispose: () => program.dispose(),
  };
}
