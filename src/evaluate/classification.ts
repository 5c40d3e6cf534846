/** @file How well texts are put into their classes: accuracy, F1, calibration, confusion. */

import { createRandom } from "../data/random.js";
import { type Calibration, measureCalibration } from "./calibration.js";
import { type Estimate, estimateMean, mean, quantile } from "./statistics.js";

const RESAMPLES = 1000;

/** What a model says of each text, row by row. */
export interface ClassProbabilities {
  readonly classes: number;
  /** `[rows, classes]`, row by row. */
  readonly probabilities: Float64Array;
}

export interface ClassScores {
  readonly precision: number | null;
  readonly recall: number | null;
  /** 2 · precision · recall / (precision + recall); null where the class neither stands in the labels nor was answered. */
  readonly f1: number | null;
}

/** What a model is worth on labelled texts. */
export interface ClassQuality {
  readonly texts: number;
  readonly accuracy: Estimate;
  /** Mean of the F1 of all classes that stand in the labels or were answered. */
  readonly macroF1: Estimate;
  /** Mean of −log of the probability of the label, in nats. */
  readonly crossEntropy: Estimate;
  readonly calibration: Calibration;
  /** Texts by their class, then by the model's. */
  readonly confusion: readonly (readonly number[])[];
  readonly perClass: readonly ClassScores[];
}

/** The likeliest class of each row; the first of equals. */
export function likeliestClasses({ classes, probabilities }: ClassProbabilities): Int32Array {
  return Int32Array.from({ length: probabilities.length / classes }, (_, row) => {
    let best = 0;
    for (let i = 1; i < classes; i++) {
      if (probabilities[row * classes + i]! > probabilities[row * classes + best]!) best = i;
    }
    return best;
  });
}

/**
 * Measures answers against labels.
 *
 * @param targets - by row the class's number; rows below 0 have no label and take no part.
 * @param groups - by row the number of its group, from 0, which intervals resample; every row by itself where left out.
 * @returns null where no row has a label.
 */
export function measureClasses(
  answers: ClassProbabilities,
  targets: Int32Array,
  groups: ArrayLike<number> = targets.map((_, row) => row),
): ClassQuality | null {
  const { classes, probabilities } = answers;
  const rows = Array.from(targets.keys()).filter((row) => targets[row]! >= 0);
  if (rows.length === 0) return null;
  const all = likeliestClasses(answers);
  const labels = rows.map((row) => targets[row]!);
  const answered = rows.map((row) => all[row]!);
  const correct = rows.map((_, i) => Number(labels[i] === answered[i]));
  const confidence = rows.map((row, i) => probabilities[row * classes + answered[i]!]!);
  const losses = rows.map((row, i) => -Math.log(Math.max(probabilities[row * classes + labels[i]!]!, 1e-30)));
  const clusters = rows.map((row) => groups[row]!);
  const confusion = countConfusion(labels, answered, classes);
  return {
    texts: rows.length,
    accuracy: estimateMean(correct, clusters)!,
    macroF1: estimateMacroF1(labels, answered, clusters, classes),
    crossEntropy: estimateMean(losses, clusters)!,
    calibration: measureCalibration(confidence, correct)!,
    confusion,
    perClass: scoresPerClass(confusion),
  };
}

function countConfusion(labels: readonly number[], answered: readonly number[], classes: number): number[][] {
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const [i, label] of labels.entries()) counts[label]![answered[i]!]!++;
  return counts;
}

function scoresPerClass(confusion: readonly (readonly number[])[]): readonly ClassScores[] {
  return confusion.map((row, i) => {
    const hits = row[i]!;
    const labelled = row.reduce((sum, count) => sum + count, 0);
    const answered = confusion.reduce((sum, other) => sum + other[i]!, 0);
    return {
      precision: answered === 0 ? null : hits / answered,
      recall: labelled === 0 ? null : hits / labelled,
      f1: labelled + answered === 0 ? null : (2 * hits) / (labelled + answered),
    };
  });
}

function macroF1(confusion: readonly (readonly number[])[]): number {
  return mean(scoresPerClass(confusion).flatMap(({ f1 }) => (f1 === null ? [] : [f1])));
}

/** With its 95 % bootstrap interval over groups of texts. */
function estimateMacroF1(
  labels: readonly number[],
  answered: readonly number[],
  clusters: readonly number[],
  classes: number,
): Estimate {
  const value = macroF1(countConfusion(labels, answered, classes));
  const members = new Map<number, number[]>();
  for (const [i, cluster] of clusters.entries()) members.set(cluster, [...(members.get(cluster) ?? []), i]);
  const groups = [...members.values()];
  if (groups.length === 1) return { value, low: null, high: null };
  const random = createRandom(0);
  const replicates = Array.from({ length: RESAMPLES }, () => {
    const drawn = groups.flatMap(() => groups[random.nextBelow(groups.length)]!);
    const pick = (values: readonly number[]) => drawn.map((i) => values[i]!);
    return macroF1(countConfusion(pick(labels), pick(answered), classes));
  });
  return { value, low: quantile(replicates, 0.025), high: quantile(replicates, 0.975) };
}
