/** @file A teacher signal as graph inputs and as the tensors fed to them, in the same chunks as the rows. */

import { rowDims } from "../data/batch-feeds.js";
import { ShapeError } from "../errors.js";
import type { FloatDType } from "../graph/dtype.js";
import type { Graph, Value } from "../graph/graph.js";
import { type LayerForm, type LayerTap, tapName, tapWidth } from "../models/layer-taps.js";
import type { Feeds } from "../runtime/executor.js";
import { float32Tensor, int32Tensor } from "../runtime/tensor.js";
import type { HiddenSignal, TeacherSignal } from "./teacher-signal.js";

/**
 * What stands for the tokens that a sparse signal does not name: one more outcome of their mass, nothing, nothing with the kept
 * ones scaled to sum to 1, or the tokens drawn from them.
 */
export type Tail = "bucket" | "drop" | "renormalize" | "sampled";

/** What is known of a signal before the first batch: enough to build a graph for it. */
export type SignalForm =
  | {
      readonly kind: "hidden";
      readonly hiddenSize: number;
      readonly headWidth: number;
      /** Where the source can hand over what its layers compute: their form, and what of it every signal holds. */
      readonly layers?: (LayerForm & { readonly taps: readonly LayerTap[] }) | undefined;
    }
  | { readonly kind: "dense"; readonly headWidth: number }
  | {
      readonly kind: "mixture";
      /** Of the narrowest head: the mixture is over the ids that all have. */
      readonly headWidth: number;
      /** Their shares sum to 1. */
      readonly members: readonly { readonly hiddenSize: number; readonly headWidth: number; readonly share: number }[];
    }
  | {
      readonly kind: "sparse";
      /** Ids are below it, and the distributions over as many. */
      readonly headWidth: number;
      readonly k: number;
      readonly temperatures: readonly number[];
      readonly tail: Tail;
    };

/** The graph inputs of a signal, each `[chunks, chunkRows, …]`. */
export type SignalInputs =
  | { readonly kind: "hidden"; readonly hidden: Value; readonly headWeight: Value }
  | { readonly kind: "dense"; readonly logits: Value }
  | {
      readonly kind: "mixture";
      readonly headWidth: number;
      readonly members: readonly { readonly hidden: Value; readonly headWeight: Value; readonly share: number }[];
    }
  | {
      readonly kind: "sparse";
      readonly ids: Value;
      readonly logProbs: Value;
      /** Where the tail is sampled. */
      readonly importance: Value | undefined;
      readonly tail: Tail;
      readonly headWidth: number;
      /** `[chunks, chunkRows, 1]` by temperature. */
      readonly logNormalizers: ReadonlyMap<number, Value>;
    };

/** Name of the graph parameter that holds the teacher's output head, `[headWidth, hiddenSize]`. */
export const teacherHeadName = "teacher.head";

/** The same of one teacher of a mixture. */
export function mixedHeadName(member: number): string {
  return `${teacherHeadName}.${member}`;
}

/** Declares the inputs of a signal. */
export function signalInputs(graph: Graph, form: SignalForm, dtype: FloatDType): SignalInputs {
  const input = (name: string, width: number) => graph.input(`teacher.${name}`, dtype, [...rowDims, width]);
  switch (form.kind) {
    case "hidden":
      return {
        kind: "hidden",
        hidden: input("hidden", form.hiddenSize),
        headWeight: graph.parameter(teacherHeadName, [form.headWidth, form.hiddenSize], dtype),
      };
    case "dense":
      return { kind: "dense", logits: input("logits", form.headWidth) };
    case "mixture":
      return {
        kind: "mixture",
        headWidth: form.headWidth,
        members: form.members.map(({ hiddenSize, headWidth, share }, i) => ({
          hidden: input(mixedHiddenName(i), hiddenSize),
          headWeight: graph.parameter(mixedHeadName(i), [headWidth, hiddenSize], dtype),
          share,
        })),
      };
    case "sparse":
      return {
        kind: "sparse",
        ids: graph.input("teacher.ids", "int32", [...rowDims, form.k]),
        logProbs: input("logProbs", form.k),
        importance: form.tail === "sampled" ? input("importance", form.k) : undefined,
        tail: form.tail,
        headWidth: form.headWidth,
        logNormalizers: new Map(
          form.temperatures.filter((each) => each !== 1).map((each) => [each, input(`logNormalizer_${each}`, 1)]),
        ),
      };
  }
}

/** The tensors for the inputs of {@link signalInputs}; rows that only fill the last chunk are zeros. */
export function signalFeeds(signal: TeacherSignal, chunks: number, chunkSize: number): Feeds {
  const rows = chunks * chunkSize;
  if (signal.rows > rows) {
    throw new ShapeError(
      `signals: ${chunks} chunks of ${chunkSize} hold ${rows} rows, got a signal of ${signal.rows}.`,
    );
  }
  const floats = (values: Float32Array, width: number) => {
    const data = values.length === rows * width ? values : new Float32Array(rows * width);
    if (data !== values) data.set(values);
    return float32Tensor([chunks, chunkSize, width], data);
  };
  switch (signal.kind) {
    case "hidden":
      return { "teacher.hidden": floats(signal.hidden, signal.hiddenSize), ...tapFeeds(signal) };
    case "dense":
      return { "teacher.logits": floats(signal.logits, signal.headWidth) };
    case "mixture": {
      const feeds = signal.members.map(({ hidden, hiddenSize }, i) => {
        return [`teacher.${mixedHiddenName(i)}`, floats(hidden, hiddenSize)] as const;
      });
      return Object.fromEntries(feeds);
    }
    case "sparse": {
      // Ids that fill up are 0, 1, …, k − 1: distinct, as a top-k's are.
      const ids = Int32Array.from({ length: rows * signal.k }, (_, i) => i % signal.k);
      ids.set(signal.ids);
      return {
        "teacher.ids": int32Tensor([chunks, chunkSize, signal.k], ids),
        "teacher.logProbs": floats(signal.logProbs, signal.k),
        ...(signal.importance && { "teacher.importance": floats(signal.importance, signal.k) }),
        ...Object.fromEntries(
          [...signal.logNormalizers].map(([each, values]) => [`teacher.logNormalizer_${each}`, floats(values, 1)]),
        ),
      };
    }
  }
}

function mixedHiddenName(member: number): string {
  return `hidden.${member}`;
}

/** The graph input of what a teacher's layer computes, `[sequences, places, width]`. */
export function tapInput(graph: Graph, form: LayerForm, tap: LayerTap, dtype: FloatDType): Value {
  return graph.input(tapFeedName(tapName(tap)), dtype, ["sequences", "places", tapWidth(form, tap.part)]);
}

function tapFeeds({ tapped }: HiddenSignal): Feeds {
  if (!tapped) return {};
  const { sequences, places, taps } = tapped;
  const feeds = [...taps].map(([name, values]) => {
    return [
      tapFeedName(name),
      float32Tensor([sequences, places, values.length / (sequences * places)], values),
    ] as const;
  });
  return Object.fromEntries(feeds);
}

function tapFeedName(tap: string): string {
  return `teacher.${tap}`;
}
