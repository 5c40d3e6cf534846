/** @file report.html: one page that needs nothing but itself. Its parts are in html/. */

import { classReportHtml } from "./class-html.js";
import { hasClasses } from "./classification.js";
import { compareWithTwin, conclusionSentences, formatGapClosed } from "./conclusion.js";
import { formatCount, formatFactor, formatNumber, formatPercent } from "./format.js";
import { comparisonCharts, trainingCurves } from "./html/charts.js";
import { contextSection } from "./html/context.js";
import { exportTables } from "./html/exports.js";
import { dataFacts, howToRead } from "./html/facts.js";
import { html, type Markup } from "./html/markup.js";
import { runPageHtml } from "./html/run-page.js";
import { section } from "./html/section.js";
import { modelTable } from "./html/table.js";
import { tokenCards } from "./html/tokens.js";
import { warnings } from "./html/warnings.js";
import { weakToStrongSection } from "./html/weak-to-strong.js";
import { teacherWorth } from "./html/worth.js";
import { modelOf, type Report } from "./report.js";
import { writingSection } from "./writing-report.js";

/**
 * The page as text. Every word from the run is escaped, and the page's own policy forbids it to load anything or to run any
 * script but ours.
 */
export function reportHtml(report: Report): string {
  if (hasClasses(report)) return classReportHtml(report, report.classification);
  return runPageHtml(report, {
    lede: conclusionSentences(report).join(" "),
    header: [keyFigures(report), warnings(report)],
    sections: [
      weakToStrongSection(report),
      section("The models", startNote(report), [modelTable(report), comparisonCharts(report)]),
      writingSection(report.writing),
      contextSection(report),
      teacherWorth(report),
      exportTables(report),
      trainingCurves(report),
      differences(report),
      dataFacts(report),
      howToRead(report),
    ],
  });
}

/** The few numbers that carry the result. */
function keyFigures(report: Report): Markup | null {
  const teacher = modelOf(report, "teacher");
  const student = modelOf(report, "student-after");
  if (!student) return null;
  const figures: Figure[] = [];
  if (teacher) {
    figures.push(
      ...times(teacher.parameters / student.parameters, "smaller than the teacher", "larger than the teacher"),
      ...times(student.tokensPerSecond / teacher.tokensPerSecond, "faster than the teacher", "slower than the teacher"),
    );
  }
  if (student.klFromTeacher) {
    figures.push({
      value: formatNumber(student.klFromTeacher.mean.value),
      name: "nats per token from the teacher (KL)",
    });
  }
  const gap = report.context?.gapClosed;
  if (gap && gap.value > 0) figures.push({ value: formatPercent(gap.value), name: "of the context's KL gap closed" });
  const comparison = compareWithTwin(report);
  if (comparison && comparison.verdict !== "undecided" && comparison.gapClosed !== null) {
    figures.push({ value: formatGapClosed(comparison.gapClosed), name: "of the twin's gap to the teacher closed" });
  }
  if (figures.length === 0) return null;
  return html`<dl class="figures">${figures.map(({ value, name }) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

interface Figure {
  readonly value: string;
  readonly name: string;
}

/** A ratio as a figure; none where both are about the same. */
function times(ratio: number, above: string, below: string): readonly Figure[] {
  const factor = Math.max(ratio, 1 / ratio);
  return factor < 1.1 ? [] : [{ value: `${formatFactor(factor)}×`, name: ratio >= 1 ? above : below }];
}

/** Where the student's weights came from, and how many of them were trained. */
function startNote(report: Report): string | null {
  const { student } = report.run;
  const parameters = modelOf(report, "student-after")?.parameters;
  if (!student || parameters === undefined) return null;
  const { origin, trainedParameters } = student;
  const share =
    trainedParameters === parameters
      ? "all of its parameters were trained"
      : `it has ${formatCount(parameters)} parameters, and ${formatCount(trainedParameters)} were trained`;
  return `The student started from ${origin}; ${share}.`;
}

function differences(report: Report): Markup | null {
  const cards = tokenCards(report.tokensThatDiffer);
  const note =
    "Held-out tokens with the largest KL(teacher ‖ student), and the five tokens that either model found most likely in their " +
    "place. The token that the text has is underlined. ␣ is a space, ↵ a line break.";
  return cards && section("Where they differ most", note, [cards]);
}
