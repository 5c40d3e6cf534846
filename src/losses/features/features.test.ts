/** @file Every feature against PyTorch, its gradient against finite differences, and what holds for all of them. Golden: make_features.py. */

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradients } from "../../autodiff/gradients.js";
import { Graph, type Value } from "../../graph/graph.js";
import * as g from "../../graph/ops/index.js";
import { type LayerForm, type LayerPart, tapWidth } from "../../models/layer-taps.js";
import { checkGradients } from "../../runtime/check-gradients.js";
import { compile } from "../../runtime/executor.js";
import { float64Tensor, type HostTensor, int32Tensor } from "../../runtime/tensor.js";
import type { FeatureOptions, LayerValues } from "./feature.js";
import { featureNames, featureOf } from "./registry.js";

type Form = Pick<LayerForm, "hiddenSize" | "heads" | "keyValueHeads" | "headDim">;
type Numbers = Readonly<Partial<Record<LayerPart, readonly number[]>>>;

interface Case {
  readonly name: string;
  readonly feature: string;
  readonly options: FeatureOptions;
  readonly studentForm: Form;
  readonly teacherForm: Form;
  readonly documents: readonly (readonly number[])[];
  readonly positions: readonly (readonly number[])[];
  readonly isRow: readonly (readonly number[])[];
  readonly student: Numbers;
  readonly teacher: Numbers;
  readonly rows: readonly (readonly (number | null)[])[];
  readonly gradient: Numbers;
}

const path = new URL("../../../test/golden/features.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(path, "utf8")) as { cases: readonly Case[] };

const formOf = (form: Form): LayerForm => ({ ...form, layers: 2, windows: [undefined, undefined] });

/** What a case's graph is fed. */
function feedsOf({ feature, documents, positions, isRow, ...sides }: Omit<Case, "rows" | "gradient" | "name">) {
  const [lines, places] = [documents.length, documents[0]!.length];
  const whole = (values: readonly (readonly number[])[]) =>
    int32Tensor([lines, places], Int32Array.from(values.flat()));
  const feeds: Record<string, HostTensor> = {
    documents: whole(documents),
    positions: whole(positions),
    isRow: whole(isRow),
  };
  for (const side of ["student", "teacher"] as const) {
    for (const part of featureOf(feature).parts) {
      const width = tapWidth(formOf(sides[`${side}Form`]), part);
      feeds[`${side}.${part}`] = float64Tensor([lines, places, width], Float64Array.from(sides[side][part]!));
    }
  }
  return feeds;
}

/** The numbers of the response rows, 0 elsewhere, `[lines, places]`. */
function rowsOf(
  { feature, studentForm, teacherForm, options }: Pick<Case, "feature" | "studentForm" | "teacherForm" | "options">,
  inputs: Readonly<Record<string, Value>>,
): Value {
  const side = (name: string): LayerValues =>
    Object.fromEntries(featureOf(feature).parts.map((part) => [part, inputs[`${name}.${part}`]!]));
  const rows = featureOf(feature).rows({
    student: side("student"),
    teacher: side("teacher"),
    places: { documents: inputs.documents!, positions: inputs.positions!, isRow: inputs.isRow! },
    studentForm: formOf(studentForm),
    teacherForm: formOf(teacherForm),
    options,
  });
  return g.mul(rows, g.cast(inputs.isRow!, "float64"));
}

/** The numbers of all places, and the gradients of their sum by part of the student. */
async function compute(given: Omit<Case, "rows" | "gradient" | "name">) {
  const graph = new Graph();
  const feeds = feedsOf(given);
  const symbols = ["lines", "places"];
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, dims }]) => {
      return [
        name,
        graph.input(
          name,
          dtype,
          dims.map((size, axis) => symbols[axis] ?? size),
        ),
      ];
    }),
  );
  const rows = rowsOf(given, inputs);
  const { parts } = featureOf(given.feature);
  const slopes = gradients(
    g.reduceSum(rows),
    parts.map((part) => inputs[`student.${part}`]!),
  );
  const outputs = { rows, ...Object.fromEntries(parts.map((part, i) => [part, slopes[i]!])) };
  const program = await compile<string>(graph, outputs, { threads: 1 });
  try {
    const results = await program.run(feeds);
    return (name: string) => results[name]!.data as Float64Array;
  } finally {
    await program.dispose();
  }
}

describe.each(cases)("$name", (given) => {
  it("is PyTorch's, row by row", async () => {
    const rows = (await compute(given))("rows");
    expect(rows).toBeAllClose(
      Float64Array.from(given.rows.flat(), (value) => value ?? 0),
      { relative: 1e-9, absolute: 1e-12 },
    );
  });

  it("has PyTorch's gradient", async () => {
    const result = await compute(given);
    for (const part of featureOf(given.feature).parts) {
      expect(result(part)).toBeAllClose(Float64Array.from(given.gradient[part]!), { relative: 1e-8, absolute: 1e-12 });
    }
  });

  it("has the gradient that finite differences have", async () => {
    const { parts } = featureOf(given.feature);
    const wrt = parts.map((part) => `student.${part}`);
    const { comparisons } = await checkGradients((inputs) => rowsOf(given, inputs), { feeds: feedsOf(given), wrt });
    expect(comparisons).toBeGreaterThan(0);
  });

  it("is 0, with a gradient of 0, where the student computes what the teacher does", async () => {
    const same = { ...given, teacherForm: given.studentForm, teacher: given.student };
    const result = await compute(same);
    expect(Math.max(...result("rows").map(Math.abs))).toBeLessThan(1e-12);
    for (const part of featureOf(given.feature).parts) {
      expect(Math.max(...result(part).map(Math.abs))).toBeLessThan(1e-12);
    }
  });
});

describe("features", () => {
  it("all have golden values", () => {
    expect([...new Set(cases.map(({ feature }) => feature))].sort()).toEqual([...featureNames].sort());
  });

  const settings = { numRuns: 6, seed: 20251128 };
  const form = { hiddenSize: 4, heads: 2, keyValueHeads: 2, headDim: 2 };

  /** Documents of some lengths, one after the other, with what both sides compute at each of their places. */
  const documents = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 4 }).chain((lengths) => {
    const count = 3 * form.hiddenSize * lengths.reduce((sum, length) => sum + length, 0);
    const numbers = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: count, maxLength: count });
    return fc.tuple(fc.constant(lengths), numbers, numbers);
  });

  it.each(featureNames)("%s is the same however documents are packed and filled up", (feature) =>
    fc.assert(
      fc.asyncProperty(documents, async ([lengths, student, teacher]) => {
        const { parts } = featureOf(feature);
        const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((sum, length) => sum + length, 0));
        /** Lines of documents, each filled up to one length. */
        const laidOut = (lines: readonly (readonly number[])[], places: number) => {
          const table = (value: (document: number, place: number, order: number) => number, fill: number) =>
            lines.map((line) => {
              const values = line.flatMap((document, order) =>
                Array.from({ length: lengths[document]! }, (_, place) => value(document, place, order)),
              );
              return [...values, ...Array<number>(places - values.length).fill(fill)];
            });
          const vectors = (all: readonly number[]): Numbers =>
            Object.fromEntries(
              parts.map((part, p) => {
                const width = form.hiddenSize;
                const at = (document: number, place: number) => (3 * (starts[document]! + place) + p) * width;
                const index = table(at, -1).flat();
                return [
                  part,
                  index.flatMap((from) => (from < 0 ? Array<number>(width).fill(7) : all.slice(from, from + width))),
                ];
              }),
            );
          return compute({
            feature,
            options: {},
            studentForm: form,
            teacherForm: form,
            documents: table((_d, _p, order) => order, -1),
            positions: table((_d, place) => place, 0),
            isRow: table(() => 1, 0),
            student: vectors(student),
            teacher: vectors(teacher),
          });
        };
        const apart = (
          await laidOut(
            lengths.map((_, i) => [i]),
            7,
          )
        )("rows");
        const total = lengths.reduce((sum, length) => sum + length, 0);
        const packed = (await laidOut([[...lengths.keys()]], total + 2))("rows");
        const expected = lengths.flatMap((length, i) => [...apart.slice(7 * i, 7 * i + length)]);
        // Places that nearly coincide have no stable direction.
        expect(packed.slice(0, total)).toBeAllClose(Float64Array.from(expected), { relative: 1e-5, absolute: 1e-7 });
      }),
      settings,
    ),
  );
});
