/** @file The training step as one graph: student, response rows, chunked head, and the gradient of every weight. */

import { gradients } from "../autodiff/gradients.js";
import { rowDims } from "../data/batch-feeds.js";
import { Graph, type Value } from "../graph/graph.js";
import { add, gather, mul, reduceSum } from "../graph/ops/index.js";
import { type ChunkedInputs, chunkedObjective, type ObjectiveSums } from "../losses/chunked-head.js";
import { type PlacedFeatures, placeFeatures, planFeatures, withoutFeatures } from "../losses/features/feature-terms.js";
import { classSharesOf, needsTeacher } from "../losses/objective.js";
import { type Objective, scheduledTerms, temperedTerms } from "../losses/options.js";
import { type ModelDefinition, type PlacedModel, placeModel } from "../models/model-graph.js";
import { type CompileOptions, compile, type Program } from "../runtime/executor.js";
import { type SignalForm, signalInputs } from "../signals/signal-feeds.js";

export interface TrainingGraphOptions extends CompileOptions {
  readonly positionCount: number;
  /** The form of the teacher's signal; undefined where the objective has no teacher. */
  readonly signal: SignalForm | undefined;
  /** Layers are computed again in the backward pass. */
  readonly recompute?: boolean;
  /** Whether the size of each term's gradient is an output. */
  readonly measuresGradients?: boolean | undefined;
  /** All weights of terms are fed, not only those that change by a schedule. */
  readonly feedsWeights?: boolean | undefined;
  /** Weights that get no gradient; what only they need is not computed. */
  readonly frozen?: ReadonlySet<string> | undefined;
}

/** One forward and backward pass over a micro-batch. Outputs are sums over its rows: the caller divides once per step. */
export interface TrainingProgram {
  readonly program: Program;
  /** Trained weights by name, in the order of the model, then projections of features. The gradient of `name` is the output `gradient:name`. */
  readonly parameterNames: readonly string[];
  /** Objective terms; the sum of a term is the output `term:name`, that of its squared gradient, where measured, `squares:name`. */
  readonly termNames: readonly string[];
}

/** The scalar that a training graph is fed where a term's weight changes over the run. */
export const weightInput = (term: string): string => `weight:${term}`;
/** The same for a term's temperature. */
export const temperatureInput = (term: string): string => `temperature:${term}`;

/** Adds the student, and the response rows that reach its head. */
export function placeRows(
  graph: Graph,
  student: ModelDefinition,
  objective: Objective,
  { positionCount, signal, recompute, feedsWeights }: TrainingGraphOptions,
): { readonly placed: PlacedModel; readonly inputs: ChunkedInputs; readonly features: PlacedFeatures } {
  const placed = placeModel(graph, student, { positionCount, recompute });
  const rows = (name: string, dtype: "int32" | "float32") => graph.input(name, dtype, rowDims);
  const inputs = {
    hidden: graph.within("rows", () => gather(placed.hidden, rows("rowIndex", "int32"))),
    headWeight: placed.headWeight,
    headBias: placed.headBias,
    targetIds: rows("targetIds", "int32"),
    rowWeights: rows("rowWeights", "float32"),
    targetWeights: rows("targetWeights", "float32"),
    hardenedIds: classSharesOf(objective) && rows("hardenedIds", "int32"),
    teacher: needsTeacher(objective) && signal ? signalInputs(graph, signal, "float32") : undefined,
    termWeights: scalarsOf(graph, feedsWeights ? Object.keys(objective) : scheduledTerms(objective), weightInput),
    termTemperatures: scalarsOf(graph, temperedTerms(objective), temperatureInput),
  };
  const features = placeFeatures(graph, planFeatures(objective, student, signal), placed);
  return { placed, inputs, features };
}

function scalarsOf(graph: Graph, terms: readonly string[], inputOf: (term: string) => string) {
  return Object.fromEntries(terms.map((name) => [name, graph.input(inputOf(name), "float32", [])]));
}

/** The training step before it is compiled. */
export interface TrainingGraph extends Omit<TrainingProgram, "program"> {
  readonly graph: Graph;
  readonly outputs: Readonly<Record<string, Value>>;
}

export function buildTrainingGraph(
  student: ModelDefinition,
  objective: Objective,
  options: TrainingGraphOptions,
): TrainingGraph {
  const graph = new Graph();
  const { placed, inputs, features } = placeRows(graph, student, objective, options);
  const trained = [...placed.parameters.values()].filter(({ name }) => !options.frozen?.has(name));
  const isHead = (weight: Value) => weight === placed.headWeight || weight === placed.headBias;
  const frozen = {
    hidden: student.shape.tiedHead ? trained.length === 0 : trained.every(isHead),
    headWeight: trained.every((each) => each !== placed.headWeight),
    headBias: trained.every((each) => each !== placed.headBias),
  };
  const { measuresGradients } = options;
  const { total, terms, squaredGradients } = sumTerms(objective, { ...inputs, frozen, measuresGradients }, features);
  const learned = [...trained, ...features.projections];
  const parameterNames = learned.map(({ name }) => name);
  const parameterGradients = gradients(total, learned);
  const outputs: Record<string, Value> = { total };
  for (const [name, sum] of Object.entries(terms)) outputs[`term:${name}`] = sum;
  for (const [name, squares] of Object.entries(squaredGradients)) outputs[`squares:${name}`] = squares;
  for (const [i, name] of parameterNames.entries()) outputs[`gradient:${name}`] = parameterGradients[i]!;
  return { graph, outputs, parameterNames, termNames: Object.keys(terms) };
}

/** The sums of all terms, in the order of the objective: those on distributions chunk by chunk, and features. */
function sumTerms(objective: Objective, inputs: ChunkedInputs, features: PlacedFeatures): ObjectiveSums {
  const distributions = withoutFeatures(objective);
  const chunked = Object.keys(distributions).length > 0 ? chunkedObjective(inputs, distributions) : undefined;
  const sums = Object.entries(features.rows).map(
    ([name, rows]) => [name, reduceSum(mul(rows, inputs.rowWeights))] as const,
  );
  const weighted = sums.map(([name, sum]) => {
    return mul(sum, inputs.termWeights?.[name] ?? (objective[name]!.weight as number));
  });
  const terms = { ...chunked?.terms, ...Object.fromEntries(sums) };
  return {
    total: [...(chunked ? [chunked.total] : []), ...weighted].reduce((total, each) => add(total, each)),
    terms: Object.fromEntries(Object.keys(objective).map((name) => [name, terms[name]!])),
    squaredGradients: chunked?.squaredGradients ?? {},
  };
}

export async function compileTrainingGraph(
  student: ModelDefinition,
  objective: Objective,
  options: TrainingGraphOptions,
): Promise<TrainingProgram> {
  const { graph, outputs, ...names } = buildTrainingGraph(student, objective, options);
  return { program: await compile(graph, outputs, options), ...names };
}
