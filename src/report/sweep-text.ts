/** @file A sweep for a terminal of 80 columns: its trials ranked, quality against size, what was left behind and what failed. */

import { formatEstimate, formatNumber } from "./format.js";
import { doneTrials, type SweepReport, type TrialReport, tradeOffOf } from "./sweep-report.js";
import { letterOf, type TradeOff } from "./trade-off.js";
import { longestName, tradeOffText } from "./trade-off-text.js";

/** Table, plot, what did not come to its end, and the best, ending in a newline. */
export function sweepText(report: SweepReport): string {
  const tradeOff = tradeOffOf(report);
  return [
    ...(tradeOff ? [tradeOffText(tradeOff), ...longNames(tradeOff)] : []),
    ...report.trials.flatMap((trial) => unfinishedLine(trial, report.by)),
    ...bestSentences(report),
    "",
  ].join("\n");
}

/** Names that the table has no room for, in full. */
function longNames({ students }: TradeOff): readonly string[] {
  if (students.every(({ name }) => name.length <= longestName)) return [];
  return [...students.map(({ name }, i) => `${letterOf(i)}  ${name}`), ""];
}

function unfinishedLine(trial: TrialReport, by: SweepReport["by"]): readonly string[] {
  switch (trial.state) {
    case "stopped":
      return [`stopped at step ${trial.step}: ${trial.name}, ${measureName(by)} ${formatNumber(trial.loss)}`];
    case "failed":
      return [`failed: ${trial.name}, ${trial.error.message} [${trial.error.code}]`];
    case "waiting":
      return [`not run: ${trial.name}`];
    case "done":
      return [];
  }
}

/** What the best trial set, and what it reached; nothing before one is done. */
export function bestSentences(report: SweepReport): readonly string[] {
  const best = doneTrials(report).find(({ name }) => name === report.best);
  if (!best) return [];
  const { klFromTeacher, perplexity } = best.model;
  const results = [
    ...(klFromTeacher ? [`KL ${formatEstimate(klFromTeacher.mean)} nats per token`] : []),
    ...(perplexity ? [`perplexity ${formatEstimate(perplexity)}`] : []),
  ];
  return [
    `The best of ${report.trials.length} trials by ${measureName(report.by)}: ${best.overrides.join(", ")}`,
    `${results.join(", ")} on ${best.data.responseTokens.toLocaleString("en-US")} held-out tokens.`,
  ];
}

/** What trials are ranked by, in words. */
export function measureName(by: SweepReport["by"]): string {
  return by === "kl" ? "KL" : "perplexity";
}
