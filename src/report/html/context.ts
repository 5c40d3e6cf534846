/** @file The page's part about the context: what a call costs with and without it, and answers side by side. */

import type { AnsweredInput } from "../../evaluate/compare-answers.js";
import type { ContextReport } from "../context-report.js";
import { formatDuration } from "../context-text.js";
import { formatFactor, formatNumber, formatPercent } from "../format.js";
import type { Report } from "../report.js";
import { html, type Markup } from "./markup.js";
import { section } from "./section.js";

/** Null for recipes without a context. */
export function contextSection({ context }: Report): Markup | null {
  if (!context) return null;
  return section("Without the context", noteOf(context), [callTable(context), answerCards(context.answers)]);
}

function noteOf({ gapClosed, writing, movingAverage, answers }: ContextReport): string {
  const notes = [
    gapClosed &&
      `Of the KL between the student before and the teacher who sees the context, training closed ${formatPercent(Math.max(0, gapClosed.value))}.`,
    writing && writingNote(writing),
    movingAverage !== null &&
      `The teacher followed the student (moving average ${movingAverage}); all numbers compare with the teacher as it was at the start.`,
    answers.length > 0 &&
      "Below, held-out inputs and what each model answers, always with its likeliest token: the students see the input alone.",
  ];
  return notes.filter((note) => typeof note === "string").join(" ");
}

function writingNote({ responses, tokens, cut, empty }: NonNullable<ContextReport["writing"]>): string {
  const count = (value: number) => value.toLocaleString("en-US");
  const ends = cut === 0 ? "all of them with an end" : `${count(cut)} of them cut, and so without an end to learn`;
  const nothing = empty === 0 ? "" : `, ${count(empty)} of them empty`;
  return `The teacher wrote ${count(responses)} responses of ${count(tokens)} tokens, ${ends}${nothing}.`;
}

function callTable({ promptTokens, calls }: ContextReport): Markup {
  const heads = ["Teacher, with the context", "Student, without it", "Saved"];
  const row = (name: string, unit: string, teacher: number, student: number, format: (value: number) => string) => {
    const saved = teacher > 0 ? formatPercent(Math.max(0, 1 - student / teacher)) : "";
    return html`<tr><th scope="row">${name}<small>${unit}</small></th><td class="teacher">${format(teacher)}</td><td class="student-after">${format(student)}</td><td>${saved}</td></tr>
`;
  };
  const timed = (key: "firstTokenSeconds" | "answerSeconds", name: string, unit: string) =>
    calls && row(name, unit, calls.teacher[key], calls.student[key], formatDuration);
  const sooner = calls ? calls.teacher.firstTokenSeconds / calls.student.firstTokenSeconds : 0;
  return html`<table class="calls">
<caption>One call${calls ? `, as the median of ${calls.answers}, each reading its whole prompt; the first token comes ${formatFactor(sooner)} times as soon` : ""}</caption>
<thead><tr><th scope="col"><span class="unseen">Measure</span></th>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>
${row("Prompt", "tokens, mean", promptTokens.teacher, promptTokens.student, formatNumber)}${timed("firstTokenSeconds", "First token", "after the call")}${timed("answerSeconds", "Whole answer", calls ? `${formatNumber(calls.teacher.answerTokens)} and ${formatNumber(calls.student.answerTokens)} tokens` : "")}</tbody>
</table>
`;
}

function answerCards(answers: readonly AnsweredInput[]): Markup | null {
  if (answers.length === 0) return null;
  const said = (name: string, role: string, text: string) =>
    html`<div class="said ${role}"><h4>${name}</h4><p>${text === "" ? "∅" : text}</p></div>`;
  return html`<div class="answers">${answers.map(
    ({ input, teacher, before, after, origin }) => html`<article class="answer">
<p class="asked">${input}</p>
<p class="origin">${origin.file.split(/[\\/]/).at(-1) ?? ""}, line ${origin.line}</p>
<div class="sides">${said("teacher, with the context", "teacher", teacher)}${said("student before", "student-before", before)}${said("student after", "student-after", after)}</div>
</article>
`,
  )}</div>
`;
}
