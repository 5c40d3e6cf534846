/** @file Several students as a page that needs nothing but itself: quality against size, memory and latency. */

import { formatBytes, formatInterval, formatNumber, formatPercent, NOT_MEASURED } from "./format.js";
import { intervalChart } from "./html/interval-chart.js";
import { html, type Markup } from "./html/markup.js";
import { pageHtml } from "./html/page.js";
import { type ScatterPoint, scatterChart } from "./html/scatter-chart.js";
import { section } from "./html/section.js";
import { type Cost, costOf, letterOf, lossOf, type TradeOff, type TradeOffModel } from "./trade-off.js";

const charts: readonly { readonly cost: Cost; readonly title: string; readonly unit: string }[] = [
  { cost: "size", title: "Size", unit: "bytes of the weights on disk" },
  { cost: "memory", title: "Memory", unit: "peak of a process that runs it" },
  { cost: "latency", title: "Latency", unit: "per written token" },
];

/** The page as text; every word of it is escaped, and it may load and run nothing. */
export function tradeOffHtml(report: TradeOff): string {
  const { students, data } = report;
  return pageHtml({
    title: `${students.length} students: what quality costs`,
    limbeckVersion: report.limbeckVersion,
    kicker: "evaluate",
    created: report.created,
    lede: `Measured on ${data.responseTokens.toLocaleString("en-US")} held-out tokens of ${data.documents.toLocaleString("en-US")} documents.`,
    sections: tradeOffSections(report),
  });
}

/** Charts, table and machine, for a page that has more to say. */
export function tradeOffSections(report: TradeOff): readonly Markup[] {
  const { teacher, quality } = report;
  const from = teacher?.name ?? "the teacher";
  const note =
    `${quality === "kl" ? `KL from ${from}, nats per token` : "Perplexity"}: lower is better. Filled points are on the Pareto front: ` +
    "no other student is as cheap and as good. Costs are on logarithmic axes.";
  const drawn = charts.flatMap((chart) => costChart(report, chart) ?? []);
  const standing = qualityChart(report);
  return [
    ...(standing ? [section("Quality", null, [html`<div class="charts">${standing}</div>`])] : []),
    ...(drawn.length > 0 ? [section("Quality against cost", note, [html`<div class="charts">${drawn}</div>`])] : []),
    section("The students", null, [table(report)]),
    section(
      "The machine",
      `${report.machine}; ${report.threads} threads. Prompt and decode are the times per token of a prompt and of what is written after it.`,
      [],
    ),
  ];
}

/** Every student with its interval: what tells them apart where all cost the same. */
function qualityChart({ students, quality }: TradeOff): Markup | null {
  const models = students.flatMap(({ name, klFromTeacher, perplexity }, i) => {
    const estimate = quality === "kl" ? klFromTeacher?.mean : perplexity;
    return estimate ? [{ role: "student-after" as const, names: { short: letterOf(i), long: name }, estimate }] : [];
  });
  return intervalChart({
    id: "trade-off-quality",
    title: quality === "kl" ? "Distance from the teacher" : "Perplexity",
    unit:
      quality === "kl"
        ? "KL(teacher ‖ student), nats per token; bars are 95 % intervals"
        : "held out; bars are 95 % intervals",
    scale: "linear",
    models,
    format: formatNumber,
  });
}

function costChart(
  { students, teacher, quality }: TradeOff,
  { cost, title, unit }: (typeof charts)[number],
): Markup | null {
  const point = (model: TradeOffModel, label: string, kind: ScatterPoint["kind"]): ScatterPoint => {
    return { label, name: model.name, cost: costOf(model, cost), loss: lossOf(model, quality), kind };
  };
  return scatterChart({
    id: `trade-off-${cost}`,
    title,
    unit,
    points: [
      ...(teacher ? [point(teacher, "teacher", "teacher")] : []),
      ...students.map((student, i) => point(student, letterOf(i), student.onFront[cost] ? "front" : "other")),
    ],
    formatCost: cost === "latency" ? (value) => `${formatNumber(value)} ms` : formatBytes,
  });
}

function table({ students, teacher, quality }: TradeOff): Markup {
  const heads = [
    ...(quality === "kl" ? ["KL, nats per token", "Top-1 agreement"] : []),
    "Perplexity",
    "Size",
    "Peak memory",
    "Prompt, ms",
    "Decode, ms",
  ];
  return html`<table>
<caption>Below each value its 95 % interval; ● on the front of that cost</caption>
<thead><tr><th scope="col"><span class="unseen">Student</span></th>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>
${teacher ? row("Teacher", teacher, quality, undefined) : null}
${students.map((student, i) => row(letterOf(i), student, quality, student.onFront))}
</tbody>
</table>`;
}

function row(
  label: string,
  model: TradeOffModel,
  quality: TradeOff["quality"],
  onFront: Readonly<Record<Cost, boolean>> | undefined,
): Markup {
  // No line ends between a mark, a number and its unit.
  const marked = (text: string, cost: Cost) => `${onFront?.[cost] ? "● " : ""}${text}`.replaceAll(" ", "\u00a0");
  const kl = model.klFromTeacher?.mean;
  const cells: readonly (string | Markup)[] = [
    ...(quality === "kl"
      ? [
          kl ? html`${formatNumber(kl.value)}<small>${formatInterval(kl)}</small>` : NOT_MEASURED,
          model.top1Agreement ? formatPercent(model.top1Agreement.value) : NOT_MEASURED,
        ]
      : []),
    model.perplexity
      ? html`${formatNumber(model.perplexity.value)}<small>${formatInterval(model.perplexity)}</small>`
      : NOT_MEASURED,
    marked(formatBytes(model.bytes), "size"),
    marked(formatBytes(model.peakMemoryBytes), "memory"),
    formatNumber(model.promptMsPerToken),
    marked(formatNumber(model.decodeMsPerToken), "latency"),
  ];
  return html`<tr><th scope="row">${label}<small>${model.name}</small></th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>
`;
}
