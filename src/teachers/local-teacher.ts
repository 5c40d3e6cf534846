/** @file A teacher that runs here: it reads a batch and hands over its final hidden states of the response rows. */

import { tokenFeeds } from "../data/batch-feeds.js";
import { Graph } from "../graph/graph.js";
import { gather } from "../graph/ops/index.js";
import { placeModel } from "../models/model-graph.js";
import { type CompileOptions, compile, type Feeds } from "../runtime/executor.js";
import { type HostTensor, int32Tensor } from "../runtime/tensor.js";
import { type SignalForm, teacherHeadName } from "../signals/signal-feeds.js";
import type { DenseSignal, HiddenSignal, TeacherSource } from "../signals/teacher-signal.js";
import type { LoadedModel } from "../weights/load-model.js";

/** A teacher that is here: it says whole distributions, by hidden states or by logits. */
export interface LocalTeacher extends TeacherSource {
  readonly form: SignalForm & { readonly kind: "hidden" | "dense" };
  /** The output head that goes with hidden states, fed to every graph that reads the signal; nothing with logits. */
  readonly headFeeds: Feeds;
  signal: (batch: Parameters<TeacherSource["signal"]>[0]) => Promise<HiddenSignal | DenseSignal>;
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
    headFeeds: { [teacherHeadName]: outputHead(model) },
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

/** The weight of a model's output head: its embedding table where tied. */
function outputHead({ weights, shape }: LoadedModel): HostTensor {
  return weights.get(shape.tiedHead ? "model.embed_tokens.weight" : "lm_head.weight")!;
}
