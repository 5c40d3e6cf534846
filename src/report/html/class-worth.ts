/** @file Whether a teacher of classes is any good: beside whom it was measured. */

import type { ClassRival } from "../../evaluate/class-worth.js";
import { isClearlyAhead } from "../../evaluate/teacher-worth.js";
import { formatPoints, formatPointsInterval } from "../class-worth-text.js";
import type { ClassificationReport } from "../classification.js";
import { capitalize, formatPercent } from "../format.js";
import { rivalNames } from "../worth-text.js";
import { html, type Markup } from "./markup.js";
import { section } from "./section.js";

/** The section; null without a teacher, or without held-out labels. */
export function classWorthSection({ teacherWorth }: ClassificationReport): Markup | null {
  if (!teacherWorth || teacherWorth.length === 0) return null;
  const note =
    "A teacher can only teach what it knows. Its lead in accuracy over the others is measured on the same held-out texts; the " +
    "commonest class is that of the training labels.";
  return section("Is the teacher any good?", note, [
    html`<table>
<caption>Below the lead its 95 % interval</caption>
<thead><tr><th scope="col"><span class="unseen">Beside</span></th><th scope="col">Accuracy</th><th scope="col">The teacher's lead, points</th><th scope="col">Texts that the teacher alone gets wrong</th></tr></thead>
<tbody>
${teacherWorth.map(row)}
</tbody>
</table>`,
  ]);
}

function row(rival: ClassRival): Markup {
  const { name, accuracy, lead, textsAhead } = rival;
  const doubt = isClearlyAhead(rival) ? "" : ", not clearly ahead";
  return html`<tr><th scope="row">${capitalize(rivalNames[name].long)}</th><td>${formatPercent(accuracy)}</td><td>${formatPoints(lead.value)}<small>${formatPointsInterval(lead)}${doubt}</small></td><td>${textsAhead.toLocaleString("en-US")}</td></tr>
`;
}
