/** @file The charts of the page: the models compared, and how they came there. */

import type { Estimate } from "../../evaluate/statistics.js";
import { formatNumber, formatPercent } from "../format.js";
import { type EvaluationPoint, type ModelReport, modelOf, type Report } from "../report.js";
import { roles } from "../roles.js";
import { intervalChart } from "./interval-chart.js";
import { lineChart } from "./line-chart.js";
import { html, type Markup } from "./markup.js";
import { section } from "./section.js";
import { termGradientChart } from "./term-gradient-chart.js";

/** The trained models and the teacher on each measure. Who learned nothing is left out: it would crush the scale. */
export function comparisonCharts(report: Report): Markup | null {
  const models = roles
    .filter((role) => role !== "student-before" && role !== "teacher-without-context")
    .flatMap((role) => modelOf(report, role) ?? []);
  const measured = (pick: (model: ModelReport) => Estimate | null | undefined) =>
    models.flatMap((model) => {
      const estimate = pick(model);
      return estimate ? [{ role: model.role, estimate }] : [];
    });
  const charts = [
    intervalChart({
      id: "compare-perplexity",
      title: "Perplexity",
      unit: "held out; bars are 95 % intervals",
      scale: "linear",
      models: measured(({ perplexity }) => perplexity),
      format: formatNumber,
    }),
    intervalChart({
      id: "compare-kl",
      title: "Distance from the teacher",
      unit: "KL(teacher ‖ model), nats per token",
      scale: "from-zero",
      models: measured(({ klFromTeacher }) => klFromTeacher?.mean),
      format: formatNumber,
    }),
    intervalChart({
      id: "compare-agreement",
      title: "Top-1 agreement",
      unit: "same most likely token as the teacher",
      scale: "share",
      models: measured(({ top1Agreement }) => top1Agreement),
      format: formatPercent,
    }),
    intervalChart({
      id: "compare-bits",
      title: "Bits per byte",
      unit: "held out",
      scale: "linear",
      models: measured(({ bitsPerByte }) => bitsPerByte),
      format: formatNumber,
    }),
  ].filter((chart) => chart !== null);
  return charts.length === 0 ? null : html`<div class="charts">${charts}</div>`;
}

/** Held-out and training curves of student and twin; null where nothing was recorded. */
export function trainingCurves(report: Report): Markup | null {
  const runs = [
    { name: "student" as const, history: report.history.student },
    { name: "twin" as const, history: report.history.twin },
  ].flatMap(({ name, history }) => (history ? [{ name, history }] : []));
  const evaluated = (value: (point: EvaluationPoint) => number | undefined) =>
    runs.map(({ name, history }) => ({
      name,
      role: name,
      points: history.evaluations.map((point) => ({ step: point.step, value: value(point) ?? Number.NaN })),
    }));
  const teacher = modelOf(report, "teacher")?.perplexity;
  const charts = [
    lineChart({
      id: "curve-kl",
      title: "Held-out distance from the teacher",
      unit: "KL(teacher ‖ student), nats per token",
      scale: "from-zero",
      lines: evaluated(({ klTeacherStudent }) => klTeacherStudent),
    }),
    lineChart({
      id: "curve-perplexity",
      title: "Held-out perplexity",
      unit: "logarithmic",
      scale: "log",
      lines: evaluated(({ perplexity }) => perplexity),
      ...(teacher ? { level: { name: "teacher" as const, value: teacher.value } } : {}),
    }),
    ...runs.map(({ name, history }) =>
      lineChart({
        id: `curve-loss-${name}`,
        title: `Training loss of the ${name}`,
        unit: name === "twin" ? "cross-entropy alone, nats per token" : "the objective, nats per token",
        scale: "linear",
        lines: [{ name, role: name, points: history.steps.map(({ step, loss }) => ({ step, value: loss })) }],
        isNoisy: true,
      }),
    ),
    termGradientChart(report.history.student),
  ].filter((chart) => chart !== null);
  if (charts.length === 0) return null;
  const lastStep = report.history.student.evaluations.at(-1)?.step;
  const { keptStep } = report.history.student;
  const notes = [
    report.history.twin
      ? "Student and twin minimise different objectives, so their training losses have axes of their own; the held-out curves compare them."
      : "",
    lastStep !== undefined && keptStep < lastStep
      ? `The student that was kept is that of step ${keptStep}, its best evaluation.`
      : "",
  ].filter((note) => note !== "");
  return section("Over training", notes.length === 0 ? null : notes.join(" "), [
    html`<div class="charts">${charts}</div>`,
  ]);
}
