/** @file A sweep as a page that needs nothing but itself: quality against size, memory and latency, and every trial with what it set. */

import { capitalize, formatNumber, formatSeconds } from "./format.js";
import { html, type Markup } from "./html/markup.js";
import { pageHtml } from "./html/page.js";
import { section } from "./html/section.js";
import { doneTrials, type SweepReport, type TrialReport, tradeOffOf } from "./sweep-report.js";
import { bestSentences, measureName } from "./sweep-text.js";
import { letterOf } from "./trade-off.js";
import { tradeOffSections } from "./trade-off-html.js";

/** The page as text; every word of it is escaped, and it may load and run nothing. */
export function sweepHtml(report: SweepReport): string {
  const tradeOff = tradeOffOf(report);
  return pageHtml({
    title: `${report.trials.length} trials of ${report.config}`,
    limbeckVersion: report.limbeckVersion,
    kicker: "sweep",
    created: report.created,
    duration: formatSeconds(doneTrials(report).reduce((sum, { seconds }) => sum + seconds, 0)),
    lede: bestSentences(report).join(" → ") || "No trial came to its end.",
    sections: [
      ...(tradeOff ? tradeOffSections(tradeOff) : []),
      section("The trials", searchNote(report), [trialTable(report)]),
    ],
    footer: "The numbers are in sweep.json beside this page, every trial's own report in its folder.",
  });
}

function searchNote({ search, rungs, set }: SweepReport): string {
  const halved = rungs?.map(({ steps, trials }) => `${trials} until step ${steps}`).join(", ");
  const kind = search.kind === "halving" ? `Successive halving: ${halved}` : `${search.kind} search`;
  return `${capitalize(kind)}, seed ${search.seed}.${set.length === 0 ? "" : ` In all of them: ${set.join(", ")}.`}`;
}

function trialTable(report: SweepReport): Markup {
  const letters = new Map(tradeOffOf(report)?.students.map(({ name }, i) => [name, letterOf(i)]));
  return html`<table>
<thead><tr><th scope="col">Trial</th><th scope="col">What it sets</th><th scope="col">What came of it</th></tr></thead>
<tbody>
${report.trials.map((trial) => {
  const letter = letters.get(trial.name);
  return html`<tr><th scope="row">${letter ?? "–"}<small>${trial.name}</small></th><td>${trial.overrides.map((text) => html`<small>${text}</small>`)}</td><td>${outcome(trial, report.by)}</td></tr>
`;
})}
</tbody>
</table>`;
}

function outcome(trial: TrialReport, by: SweepReport["by"]): string {
  switch (trial.state) {
    case "done":
      return `done in ${formatSeconds(trial.seconds)}`;
    case "stopped":
      return `stopped at step ${trial.step} with ${measureName(by)} ${formatNumber(trial.loss)}`;
    case "failed":
      return trial.error.message;
    case "waiting":
      return "not run";
  }
}
