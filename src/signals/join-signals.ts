/** @file Signals of single documents as one signal of the rows that a batch asks for. */

import { internalError } from "../errors.js";
import type { SignalForm } from "./signal-feeds.js";
import type { SparseSignal, TeacherSignal } from "./teacher-signal.js";

/** Some rows of a signal, one after the other. */
export interface SignalPiece {
  readonly signal: TeacherSignal;
  readonly from: number;
  readonly to: number;
}

/** The pieces one after the other; all are of the given form. */
export function joinSignals(form: SignalForm, pieces: readonly SignalPiece[]): TeacherSignal {
  const rows = pieces.reduce((sum, { from, to }) => sum + to - from, 0);
  switch (form.kind) {
    case "hidden": {
      const { hiddenSize } = form;
      const hidden = joined(new Float32Array(rows * hiddenSize), pieces, hiddenSize, (signal) =>
        signal.kind === "hidden" ? signal.hidden : undefined,
      );
      return { ...form, rows, hidden };
    }
    case "dense":
    case "mixture":
      throw internalError(`${form.kind} signals are not stored`);
    case "sparse": {
      const { k, headWidth, temperatures, tail } = form;
      const sparse = (signal: TeacherSignal) => (signal.kind === "sparse" ? signal : undefined);
      const floats = (width: number, of: (signal: SparseSignal) => Float32Array | undefined) =>
        joined(new Float32Array(rows * width), pieces, width, (signal) => {
          const found = sparse(signal);
          return found && of(found);
        });
      const tempered = temperatures.filter((each) => each !== 1);
      return {
        kind: "sparse",
        headWidth,
        rows,
        k,
        ids: joined(new Int32Array(rows * k), pieces, k, (signal) => sparse(signal)?.ids),
        logProbs: floats(k, ({ logProbs }) => logProbs),
        importance: tail === "sampled" ? floats(k, ({ importance }) => importance) : undefined,
        targetLogProbs: floats(1, ({ targetLogProbs }) => targetLogProbs),
        logNormalizers: new Map(
          tempered.map((each) => [each, floats(1, ({ logNormalizers }) => logNormalizers.get(each))]),
        ),
      };
    }
  }
}

/** Copies `width` values per row of each piece into `target`, which it returns. */
function joined<Values extends Float32Array | Int32Array>(
  target: Values,
  pieces: readonly SignalPiece[],
  width: number,
  valuesOf: (signal: TeacherSignal) => Values | undefined,
): Values {
  let at = 0;
  for (const { signal, from, to } of pieces) {
    const values = valuesOf(signal);
    if (!values) throw internalError(`a ${signal.kind} signal among others`);
    target.set(values.subarray(from * width, to * width), at);
    at += (to - from) * width;
  }
  return target;
}
