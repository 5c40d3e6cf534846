/** @file A model that tells classes: a classifier, or a language model by the words that stand for them. */

import type { DistillationBatch } from "../data/batch.js";
import { tokenFeeds } from "../data/batch-feeds.js";
import { makeBatch } from "../data/make-batch.js";
import { Graph } from "../graph/graph.js";
import * as g from "../graph/ops/index.js";
import type { ClassHead } from "../models/architecture.js";
import { embed, linear } from "../models/layers/linear.js";
import { placeModel } from "../models/model-graph.js";
import { type CompileOptions, compile } from "../runtime/executor.js";
import { int32Tensor } from "../runtime/tensor.js";
import type { DenseSignal, TeacherSource } from "../signals/teacher-signal.js";
import type { ModelWithWeights } from "../weights/load-model.js";

/** A teacher that hands over logits of classes: there are few of them. */
export interface ClassTeacher extends TeacherSource {
  readonly form: { readonly kind: "dense"; readonly headWidth: number };
  signal(batch: DistillationBatch): Promise<DenseSignal>;
}

export interface ClassTeacherOptions extends CompileOptions {
  /** Longest sequence that it will read. */
  readonly positionCount: number;
  /** By class the output of the model that stands for it: a class of its own, or a token. */
  readonly outputs: readonly number[];
}

/**
 * Compiles a model whose logits for the classes teach. Of a language model's head only the rows of the words are applied, so that
 * the softmax is over these words alone.
 */
export async function makeClassTeacher(
  model: ModelWithWeights,
  { positionCount, outputs, ...options }: ClassTeacherOptions,
): Promise<ClassTeacher> {
  const graph = new Graph();
  const placed = placeModel(graph, model, { positionCount });
  const rowIndex = graph.input("rowIndex", "int32", ["rows"]);
  const chosen = graph.constant("int32", [outputs.length], Int32Array.from(outputs), "outputs");
  const bias = placed.headBias && g.gather(placed.headBias, chosen);
  const logits = linear(g.gather(placed.hidden, rowIndex), embed(placed.headWeight, chosen), bias);
  const program = await compile(graph, { logits }, options);
  const headWidth = outputs.length;
  const weights = Object.fromEntries(model.weights);
  return {
    form: { kind: "dense", headWidth },
    headFeeds: {},
    async signal({ teacher, rows: { count, teacherIndex } }) {
      const { logits } = await program.run({
        ...weights,
        ...tokenFeeds(teacher),
        rowIndex: int32Tensor([count], teacherIndex),
      });
      return { kind: "dense", rows: count, headWidth, logits: logits.data as Float32Array };
    },
    dispose: () => program.dispose(),
  };
}

/** What a teacher of classes says of one text, `[classes]`. */
export async function askAboutText(
  teacher: ClassTeacher,
  ids: Int32Array,
  position: ClassHead["position"],
): Promise<Float32Array> {
  const span = { ids, responseMask: new Uint8Array(ids.length) };
  const at = position === "first" ? 0 : ids.length - 1;
  const document = {
    student: span,
    teacher: span,
    responseTokens: 1,
    responseBytes: undefined,
    origin: { file: "", line: 0, row: 0, key: 0 },
    classified: { target: 0, studentPosition: at, teacherPosition: at },
  };
  const signal = await teacher.signal(makeBatch([document], [[0]], { sequenceLength: ids.length, packing: false }));
  return signal.logits;
}
