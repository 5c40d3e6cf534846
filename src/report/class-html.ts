/** @file report.html of a run that puts texts into classes: the models, whether their confidence can be believed, the confusion. */

import type { ClassSplitFacts } from "../data/class-documents.js";
import type { Estimate } from "../evaluate/statistics.js";
import { classConclusion } from "./class-conclusion.js";
import { type ClassificationReport, type ClassModelReport, classModelOf } from "./classification.js";
import { formatNumber, formatPercent } from "./format.js";
import { classTable, confusionTable } from "./html/class-table.js";
import { classWorthSection } from "./html/class-worth.js";
import { intervalChart } from "./html/interval-chart.js";
import { lineChart } from "./html/line-chart.js";
import { html, type Markup } from "./html/markup.js";
import { reliabilityChart } from "./html/reliability-chart.js";
import { runPageHtml } from "./html/run-page.js";
import { section } from "./html/section.js";
import { warnings } from "./html/warnings.js";
import { weakClassifiersSection } from "./html/weak-classifiers.js";
import type { EvaluationPoint, Report } from "./report.js";
import { roles } from "./roles.js";

/** The page as text, made like that of every report. */
export function classReportHtml(report: Report, classification: ClassificationReport): string {
  return runPageHtml(report, {
    lede: classConclusion(classification).join(" "),
    header: warnings(report),
    sections: [
      weakClassifiersSection(classification.weakToStrong),
      section("The models", teacherNote(report, classification), [
        classTable(classification),
        comparison(classification),
      ]),
      classWorthSection(classification),
      reliability(classification),
      section("Which class is taken for which", null, [confusionTable(classification)]),
      curves(report),
      data(classification),
    ],
  });
}

/** Where the student's weights and the teacher's classes came from. */
function teacherNote({ run }: Report, { teacher, classes }: ClassificationReport): string {
  const start = run.student ? `The student started from ${run.student.origin}. ` : "";
  switch (teacher?.kind) {
    case undefined:
      return `${start}No teacher: it learned from the labels alone.`;
    case "classifier":
      return `${start}The teacher is a classifier.`;
    case "rows":
      return `${start}The rows themselves say how likely each class is.`;
    case "label-words": {
      const words = teacher.words ?? [];
      const calibrated = words.every(({ share }) => share !== null);
      const told = words.map(({ word, share }, i) => {
        return `${classes[i]} by "${word}"${share === null ? "" : ` (${formatPercent(share)} after texts without content)`}`;
      });
      return `${start}The teacher is a language model that tells ${told.join(" and ")}${calibrated ? "; its leaning was divided out" : ""}.`;
    }
  }
}

function comparison(report: ClassificationReport): Markup | null {
  const models = roles.filter((role) => role !== "student-before").flatMap((role) => classModelOf(report, role) ?? []);
  const measured = (pick: (model: ClassModelReport) => Estimate | null | undefined) =>
    models.flatMap((model) => {
      const estimate = pick(model);
      return estimate ? [{ role: model.role, estimate }] : [];
    });
  const shared = { format: formatPercent, scale: "linear" } as const;
  const charts = [
    intervalChart({
      ...shared,
      id: "compare-accuracy",
      title: "Accuracy",
      unit: "held out; bars are 95 % intervals",
      models: measured(({ quality }) => quality?.accuracy),
    }),
    intervalChart({
      ...shared,
      id: "compare-agreement",
      title: "Agreement",
      unit: "texts put into the teacher's class",
      models: measured(({ agreement }) => agreement),
    }),
  ].filter((chart) => chart !== null);
  return charts.length === 0 ? null : html`<div class="charts">${charts}</div>`;
}

/** The diagrams of student and teacher; null where no held-out text has a label. */
function reliability(report: ClassificationReport): Markup | null {
  const charts = (["student-after", "teacher"] as const).flatMap((role) => {
    const quality = classModelOf(report, role)?.quality;
    if (!quality) return [];
    const name = role === "teacher" ? "teacher" : "student";
    const title = `The ${name}: off by ${formatPercent(quality.calibration.expectedError)}`;
    return [reliabilityChart(quality.calibration, { id: `reliability-${name}`, name, title, what: "texts" })];
  });
  const note =
    "Bars: how often the model is right, by the probability that it gives its answer; full bins are dark. Dots: how often it would " +
    "be if its probabilities were true.";
  return charts.length === 0
    ? null
    : section("Can its confidence be believed?", note, [html`<div class="charts">${charts}</div>`]);
}

function curves(report: Report): Markup | null {
  const { student, twin } = report.history;
  const runs = [
    { name: "student" as const, history: student },
    ...(twin ? [{ name: "twin" as const, history: twin }] : []),
  ];
  const evaluated = (value: (point: EvaluationPoint) => number | undefined) =>
    runs.map(({ name, history }) => ({
      name,
      points: history.evaluations.map((point) => ({ step: point.step, value: value(point) ?? Number.NaN })),
    }));
  const charts = [
    lineChart({
      id: "curve-accuracy",
      title: "Held-out accuracy",
      unit: "texts put into their class",
      scale: "linear",
      lines: evaluated(({ accuracy }) => accuracy),
    }),
    lineChart({
      id: "curve-kl",
      title: "Held-out distance from the teacher",
      unit: "KL(teacher ‖ student), nats per text",
      scale: "from-zero",
      lines: evaluated(({ klTeacherStudent }) => klTeacherStudent),
    }),
    ...runs.map(({ name, history }) =>
      lineChart({
        id: `curve-loss-${name}`,
        title: `Training loss of the ${name}`,
        unit: "the objective, nats per text",
        scale: "linear",
        lines: [{ name, points: history.steps.map(({ step, loss }) => ({ step, value: loss })) }],
        isNoisy: true,
      }),
    ),
  ].filter((chart) => chart !== null);
  return charts.length === 0
    ? null
    : section("Over training", `The student that was kept is that of step ${formatNumber(student.keptStep)}.`, [
        html`<div class="charts">${charts}</div>`,
      ]);
}

function data({ data, classes }: ClassificationReport): Markup {
  const whole = (count: number) => count.toLocaleString("en-US");
  const split = (name: string, { rows, labelled, cut, cutForTeacher, dropped, perClass }: ClassSplitFacts) => [
    { name: `${name} texts`, value: `${whole(rows)}, ${whole(labelled)} of them with a label` },
    { name: `${name} labels`, value: classes.map((label, i) => `${whole(perClass[i]!)} ${label}`).join(", ") },
    { name: `${name} texts cut`, value: `${whole(cut)} for the student, ${whole(cutForTeacher)} for the teacher` },
    ...(dropped > 0 ? [{ name: `${name} rows dropped`, value: whole(dropped) }] : []),
  ];
  const facts = [...split("Training", data.train), ...split("Held-out", data.heldOut)];
  return section("The data", "A text that is longer than a model reads is cut at its end.", [
    html`<dl class="facts">${facts.map(({ name, value }) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`,
  ]);
}
