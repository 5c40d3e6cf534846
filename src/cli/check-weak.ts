/** @file What `limbeck check` says of a weak teacher, its rows, and the models that learn from it. */

import { measureDocuments, type TransferDocument } from "../data/index.js";
import type { OpenedStudent } from "../recipes/open-models.js";
import { twinObjective } from "../recipes/train-and-report.js";
import { curveOf, type Learner } from "../recipes/train-students.js";
import type { WeakClassifiersConfig, WeakToStrongConfig } from "../recipes/weak-to-strong-config.js";
import { formatCount, formatPercent } from "../report/format.js";
import type { CostOptions } from "./check-facts.js";
import type { Finding } from "./check-findings.js";
import { describeModel } from "./describe-model.js";

export interface WeakParts {
  readonly weak: Pick<OpenedStudent, "model" | "tokenizer">;
  /** What it is trained on; undefined where it teaches as it is. */
  readonly weakTrain: readonly TransferDocument[] | undefined;
  /** The student's rows. */
  readonly data: { readonly train: readonly TransferDocument[] };
}

/** What is trained beside the student itself: at other weights, the ceiling, and the weak teacher where it has rows. */
export function weakCosts(
  config: WeakClassifiersConfig | WeakToStrongConfig,
  weak: Learner | undefined,
): Pick<CostOptions, "students" | "weak"> {
  const training = config.weak.training ?? config.training;
  const parts = weak && { ...weak, teacher: undefined, objective: twinObjective };
  return { students: 2 + curveOf(config).length, weak: parts && { training, parts } };
}

/** The weak teacher, its rows, and how many models are trained: what is said of the student is of one of them. */
export function weakFindings(
  config: WeakToStrongConfig | WeakClassifiersConfig,
  { weak, weakTrain, data }: WeakParts,
): Finding[] {
  const [words, facts] = describeModel(weak.model, weak.tokenizer);
  const rows = weakTrain && measureDocuments(weakTrain);
  const trained = rows === undefined ? "teaches as it is" : `trained on ${formatCount(rows.tokens)} tokens of its own`;
  const labelled = data.train.filter(({ hasGroundTruth }) => hasGroundTruth !== false).length;
  const students = 1 + curveOf(config).length;
  const models = students === 1 ? "a student and its ceiling" : `${students} students and their ceiling`;
  return [
    ["weak", `${words}; ${trained}`, { ...facts, tokens: rows?.tokens ?? null }],
    [
      "ground truth",
      `${formatPercent(labelled / data.train.length)} of the student's documents`,
      { documents: labelled, of: data.train.length },
    ],
    ["models", `${models}; memory below is of one`, { students, ceilings: 1 }],
  ];
}
