/** @file A teacher that runs here: it reads a batch and hands over its final hidden states of the response rows. */

import { tokenFeeds } from "../data/batch-feeds.js";
import { Graph } from "../graph/graph.js";
import { gather } from "../graph/ops/index.js";
import { placeModel } from "../models/model-graph.js";
import { type CompileOptions, compile } from "../runtime/executor.js";
import { int32Tensor } from "../runtime/tensor.js";
import { type SignalForm, teacherHeadName } from "../signals/signal-feeds.js";
import type { HiddenSignal, TeacherSource } from "../signals/teacher-signal.js";
import { type LoadedModel, outputHeadName } from "../weights/load-model.js";

/** A model that teaches by its hidden states, with the output head that goes with them. */
export interface LocalTeacher extends TeacherSource {
  readonly form: SignalForm & { readonly kind: "hidden" };
  signal: (batch: Parameters<TeacherSource["signal"]>[0]) => Promise<HiddenSignal>;
}

/**
 * Compiles a teacher's body.
 *
 * @param positionCount - longest sequence it will read.
 */
export async function makeLocalTeacher(
  model: LoadedModel,
  options: CompileOptions & { readonly positionCount: number },
): Promise<LocalTeacher> {
  const graph = new Graph();
  const placed = placeModel(graph, model, { positionCount: options.positionCount });
  const rowIndex = graph.input("rowIndex", "int32", ["rows"]);
  const program = await compile(graph, { hidden: gather(placed.hidden, rowIndex) }, options);
  const { headWidth, hiddenSize } = model.shape;
  const weights = Object.fromEntries(model.weights);
  return {
    form: { kind: "hidden", headWidth, hiddenSize },
    headFeeds: { [teacherHeadName]: model.weights.get(outputHeadName(model.shape))! },
    async signal(batch) {
      const { count, teacherIndex } = batch.rows;
      const { hidden } = await program.run({
        ...weights,
        ...tokenFeeds(batch.teacher),
        rowIndex: int32Tensor([count], teacherIndex),
      });
      return { kind: "hidden", rows: count, headWidth, hiddenSize, hidden: hidden.data as Float32Array };
    },
    dispose: () => program.dispose(),
  };
}
