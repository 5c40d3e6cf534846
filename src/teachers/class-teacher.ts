/** @file A model that tells classes: a classifier, or a language model by the words that stand for them. */

import type { DistillationBatch, TokenBatch } from "../data/batch.js";
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

/** Tokens that it reads at once: attention's scores grow with every sequence more, and the engine keeps what the largest took. */
const tokensAtOnce = 2048;

/** How many of a batch's sequences are read at once. */
export function sequencesAtOnce({ sequences, tokens }: Pick<TokenBatch, "sequences" | "tokens">): number {
  return Math.min(sequences, Math.max(1, Math.floor(tokensAtOnce / tokens)));
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
      const all = new Float32Array(count * headWidth);
      const size = sequencesAtOnce(teacher);
      for (let first = 0; first < teacher.sequences; first += size) {
        const piece = cutSequences(teacher, first, size);
        const [start, end] = [first * teacher.tokens, first * teacher.tokens + piece.ids.length];
        const rows = [...teacherIndex.keys()].filter((row) => start <= teacherIndex[row]! && teacherIndex[row]! < end);
        if (rows.length === 0) continue;
        const { logits } = await program.run({
          ...weights,
          ...tokenFeeds(piece),
          rowIndex: int32Tensor(
            [rows.length],
            Int32Array.from(rows, (row) => teacherIndex[row]! - start),
          ),
        });
        const read = logits.data as Float32Array;
        for (const [i, row] of rows.entries()) {
          all.set(read.subarray(i * headWidth, (i + 1) * headWidth), row * headWidth);
        }
      }
      return { kind: "dense", rows: count, headWidth, logits: all };
    },
    dispose: () => program.dispose(),
  };
}

function cutSequences({ sequences, tokens, ...arrays }: TokenBatch, first: number, count: number): TokenBatch {
  const cut = (values: Int32Array) => values.subarray(first * tokens, (first + count) * tokens);
  return {
    sequences: Math.min(count, sequences - first),
    tokens,
    ids: cut(arrays.ids),
    positions: cut(arrays.positions),
    documents: cut(arrays.documents),
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
