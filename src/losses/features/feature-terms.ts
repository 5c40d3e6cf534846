/** @file The feature terms of an objective: what they need of both models, and their numbers per response row. */

import { rowDims } from "../../data/batch-feeds.js";
import { LimbeckError } from "../../errors.js";
import type { FloatDType } from "../../graph/dtype.js";
import type { Graph, Value } from "../../graph/graph.js";
import * as g from "../../graph/ops/index.js";
import type { ModelOutputs } from "../../models/architecture.js";
import { type LayerForm, type LayerTap, layerFormOf, takeTap, tapName } from "../../models/layer-taps.js";
import type { ModelDefinition } from "../../models/model-graph.js";
import { type SignalForm, tapInput } from "../../signals/signal-feeds.js";
import type { Objective } from "../options.js";
import type { Feature, LayerValues } from "./feature.js";
import { layerPairs } from "./layer-map.js";
import type { FeatureTerm } from "./options.js";
import { featureOf } from "./registry.js";

/** A feature term, with the layers of two models that it compares. */
export interface PlannedFeature {
  readonly name: string;
  readonly term: FeatureTerm;
  readonly feature: Feature;
  readonly student: LayerForm;
  readonly teacher: LayerForm;
  readonly pairs: readonly (readonly [student: number, teacher: number])[];
}

/** A trained matrix `[teacherHidden, studentHidden]` of one pair of layers. It is no part of the student. */
export interface Projection {
  readonly name: string;
  readonly shape: readonly [number, number];
}

/** The terms of an objective that compare layers, by name. */
export function featureTermsOf(objective: Objective): readonly (readonly [string, FeatureTerm])[] {
  return Object.entries(objective).filter((entry): entry is [string, FeatureTerm] => entry[1]?.kind === "feature");
}

/** The terms that look at distributions alone. */
export function withoutFeatures<Terms extends Objective>(objective: Terms): Terms {
  return Object.fromEntries(Object.entries(objective).filter(([, { kind }]) => kind !== "feature")) as unknown as Terms;
}

/**
 * Plans the feature terms of an objective; none where it has none.
 *
 * @param signal - what the teacher's signals are like; undefined where there is no teacher.
 * @throws LimbeckError `OBJECTIVE` where a side cannot supply what a term compares, or a layer or a size does not fit.
 */
export function planFeatures(
  objective: Objective,
  student: ModelDefinition,
  signal: SignalForm | undefined,
): readonly PlannedFeature[] {
  return featureTermsOf(objective).map(([name, term]) => {
    const feature = featureOf(term.feature);
    const where = `objective.${name}`;
    const own = layerFormOf(student);
    const other = signal?.kind === "hidden" ? signal.layers : undefined;
    if (!other) throw withoutLayers(where, feature, signal);
    if (!own) {
      const message = `expected a student that hands out what its layers compute, got a model of type "${student.shape.modelType}"`;
      throw new LimbeckError("OBJECTIVE", `${where}: "${feature.name}": ${message}.`, {
        hint: "Take the term out, or give the student's architecture a layerShape.",
      });
    }
    const refusal = feature.refuse?.(own, other, term);
    if (refusal) throw new LimbeckError("OBJECTIVE", `${where}: "${feature.name}": ${refusal}.`);
    const first = feature.parts.includes("hidden") ? 0 : 1;
    const pairs = layerPairs(term.layers, own.layers, other.layers, first, `${where}.layers`);
    return { name, term, feature, student: own, teacher: other, pairs };
  });
}

function withoutLayers(where: string, { name }: Feature, signal: SignalForm | undefined): LimbeckError {
  return new LimbeckError("OBJECTIVE", `${where}: ${layersRefusal(name, signal?.kind ?? "none")}.`, {
    hint: "Let a model of a supported architecture teach live, without cache:, or take the term out.",
  });
}

/** Names what a teacher is that hands over no layers. */
export function layersRefusal(feature: string, kind: SignalForm["kind"] | "none"): string {
  const got = {
    none: "no teacher",
    hidden: "final hidden states alone, as a cache holds them",
    mixture: "several teachers, whose layers are no one's",
    dense: "whole distributions alone, as rows or a classifier give them",
    sparse: "the likeliest tokens alone, as a sparse cache or an endpoint gives them",
  }[kind];
  return `"${feature}" compares what layers compute, which a teacher that runs live here hands over, got ${got}`;
}

/** What a teacher must hand over for a plan, each once. */
export function teacherTaps(plan: readonly PlannedFeature[]): readonly LayerTap[] {
  const taps = new Map<string, LayerTap>();
  for (const { feature, pairs } of plan) {
    for (const part of feature.parts) {
      for (const [, layer] of pairs) taps.set(tapName({ part, layer }), { part, layer });
    }
  }
  return [...taps.values()];
}

/** The projections of a plan: one per pair of layers that are compared number by number and differ in width. */
export function projectionsOf(plan: readonly PlannedFeature[]): readonly Projection[] {
  return plan.flatMap(({ name, feature, pairs, student, teacher }) => {
    if (!feature.isProjected || student.hiddenSize === teacher.hiddenSize) return [];
    return pairs.map((pair) => ({
      name: projectionName(name, pair),
      shape: [teacher.hiddenSize, student.hiddenSize] as const,
    }));
  });
}

function projectionName(term: string, [student, teacher]: readonly [number, number]): string {
  return `projection.${term}.${student}.${teacher}`;
}

/** The feature terms in a graph. */
export interface PlacedFeatures {
  /** By term one number per response row, in the rows' chunks: `[chunks, chunkRows]`. */
  readonly rows: Readonly<Record<string, Value>>;
  /** The projections, as parameters of the graph. */
  readonly projections: readonly Value[];
}

/** Adds the terms of a plan to a graph that holds the student, with the inputs that data/places.ts feeds. */
export function placeFeatures(
  graph: Graph,
  plan: readonly PlannedFeature[],
  student: ModelOutputs,
  dtype: FloatDType = "float32",
): PlacedFeatures {
  if (plan.length === 0) return { rows: {}, projections: [] };
  const place = (name: string) => graph.input(`places.${name}`, "int32", ["sequences", "places"]);
  const [index, positions, documents, isRow] = [place("index"), place("positions"), place("documents"), place("isRow")];
  const rowPlace = graph.input("rowPlace", "int32", rowDims);
  const parameters = new Map(projectionsOf(plan).map(({ name, shape }) => [name, graph.parameter(name, shape, dtype)]));
  const inputs = new Map(teacherTaps(plan).map((tap) => [tapName(tap), tapInput(graph, plan[0]!.teacher, tap, dtype)]));
  const rows: Record<string, Value> = {};
  for (const { name, term, feature, pairs, student: studentForm, teacher: teacherForm } of plan) {
    rows[name] = graph.within(name, () => {
      const values = pairs.map((pair) => {
        const [own, other] = pair;
        const parts = (take: (tap: LayerTap) => Value, layer: number): LayerValues =>
          Object.fromEntries(feature.parts.map((part) => [part, take({ part, layer })]));
        const matrix = parameters.get(projectionName(name, pair));
        const takeStudent = (tap: LayerTap) => {
          const value = takeTap(student, tap, index);
          return matrix ? g.matMul(value, matrix, { transposeB: true }) : value;
        };
        return feature.rows({
          student: parts(takeStudent, own),
          teacher: parts((tap) => inputs.get(tapName(tap))!, other),
          places: { positions, documents, isRow },
          studentForm,
          teacherForm,
          options: term,
        });
      });
      const sum = values.reduce((total, each) => g.add(total, each));
      const mean = pairs.length === 1 ? sum : g.mul(sum, 1 / pairs.length);
      return g.gather(g.reshape(mean, ["sequences*places"]), rowPlace);
    });
  }
  return { rows, projections: [...parameters.values()] };
}
