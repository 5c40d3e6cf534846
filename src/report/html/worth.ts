/** @file Whether the teacher is any good: beside whom it was measured, how far its confidence can be believed, where it is behind. */

import type { Rival, TeacherWorth } from "../../evaluate/teacher-worth.js";
import { isClearlyAhead } from "../../evaluate/teacher-worth.js";
import { capitalize, formatInterval, formatNumber, formatPercent } from "../format.js";
import type { Report } from "../report.js";
import { calibrationSentence, rivalNames } from "../worth-text.js";
import { html, type Markup } from "./markup.js";
import { reliabilityChart } from "./reliability-chart.js";
import { section } from "./section.js";
import { visibleContext } from "./visible-text.js";

const reliabilityWords = {
  id: "reliability",
  name: "teacher",
  title: "Can its confidence be believed?",
  what: "tokens",
} as const;

/** The section; null without a teacher. */
export function teacherWorth({ teacherWorth: worth }: Report): Markup | null {
  if (!worth) return null;
  const note =
    `A teacher can only teach what it knows. Its loss on ${worth.tokens.toLocaleString("en-US")} held-out tokens is ` +
    `${formatNumber(worth.loss.value)} nats per token; its lead over the others is measured on the same tokens. ` +
    calibrationSentence(worth.calibration);
  return section("Is the teacher any good?", note, [
    rivalTable(worth),
    html`<div class="charts">${reliabilityChart(worth.calibration, reliabilityWords)}${examples(worth)}</div>`,
  ]);
}

function rivalTable({ rivals, documents }: TeacherWorth): Markup {
  return html`<table>
<caption>Below the lead its 95 % interval</caption>
<thead><tr><th scope="col"><span class="unseen">Beside</span></th><th scope="col">Loss, nats per token</th><th scope="col">The teacher's lead</th><th scope="col">Documents on which it is behind</th></tr></thead>
<tbody>
${rivals.map((rival) => row(rival, documents))}
</tbody>
</table>`;
}

function row(rival: Rival, documents: number): Markup {
  const { name, loss, lead, documentsAhead } = rival;
  const doubt = isClearlyAhead(rival) ? "" : ", not clearly ahead";
  return html`<tr><th scope="row">${capitalize(rivalNames[name].long)}</th><td>${formatNumber(loss)}</td><td>${formatNumber(lead.value)}<small>${formatInterval(lead)}${doubt}</small></td><td>${documentsAhead} of ${documents}<small>${formatPercent(documentsAhead / documents)}</small></td></tr>
`;
}

/** Documents that a student knows better than its teacher does: after training, or before where there is none. */
function examples({ rivals }: TeacherWorth): Markup | null {
  const rival = (["student-after", "student-before"] as const)
    .map((role) => rivals.find(({ name }) => name === role))
    .find((each) => each !== undefined && each.examples.length > 0);
  if (!rival) return null;
  return html`<div><h3>Where it knows less than ${rivalNames[rival.name].long}</h3>
${rival.examples.map(({ text, teacherLoss, rivalLoss, tokens, origin }) => {
  return html`<p class="context">${visibleContext(text)} …</p>
<p class="origin"><b>${formatNumber(teacherLoss)}</b> against <b>${formatNumber(rivalLoss)}</b> nats per token over ${tokens} tokens; ${origin.file}, line ${origin.line}</p>
`;
})}</div>`;
}
