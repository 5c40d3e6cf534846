/** @file Several students for a terminal of 80 columns: a table, and a plot of quality against size in characters. */

import { formatBytes, formatEstimate, formatNumber, formatPercent, NOT_MEASURED } from "./format.js";
import { linearAxis, logAxis } from "./html/axis.js";
import { type Cost, costOf, letterOf, lossOf, type TradeOff, type TradeOffModel } from "./trade-off.js";

const plot = { columns: 62, rows: 12 };
/** Characters of a name that the table shows. */
export const longestName = 22;

type Row = TradeOffModel & { readonly onFront?: Readonly<Record<Cost, boolean>> };

/** Table, plot and what the marks mean, ending in a newline. */
export function tradeOffText(report: TradeOff): string {
  const { students, quality, data, threads } = report;
  const what = quality === "kl" ? "closer to the teacher" : "better";
  const scored = `${data.responseTokens.toLocaleString("en-US")} tokens of ${data.documents.toLocaleString("en-US")} documents, ${threads} threads`;
  return [
    ...table(report),
    "",
    `* on the front: no other student is as cheap and ${what}.`,
    `Measured on ${scored}.`,
    ...(students.length > 1 ? ["", ...scatter(report)] : []),
    "",
  ].join("\n");
}

function table({ students, teacher, quality }: TradeOff): readonly string[] {
  const marked = (text: string, row: Row, cost: Cost) =>
    `${text}${row.onFront ? (row.onFront[cost] ? "*" : " ") : " "}`;
  const kl = ({ klFromTeacher }: Row) => formatEstimate(klFromTeacher?.mean ?? null);
  const cells = (letter: string, row: Row): string[] => [
    letter,
    shorten(row.name),
    ...(quality === "kl" ? [kl(row), agreement(row)] : [formatEstimate(row.perplexity)]),
    marked(formatBytes(row.bytes), row, "size"),
    marked(formatBytes(row.peakMemoryBytes), row, "memory"),
    formatNumber(row.promptMsPerToken),
    marked(formatNumber(row.decodeMsPerToken), row, "latency"),
  ];
  const heads =
    quality === "kl"
      ? [
          ["", "", "KL", "top-1", "size ", "memory ", "prompt", "decode "],
          ["", "", "nats/token", "agree", "", "peak ", "ms/tok", "ms/tok "],
        ]
      : [
          ["", "", "perplexity", "size ", "memory ", "prompt", "decode "],
          ["", "", "", "", "peak ", "ms/tok", "ms/tok "],
        ];
  const rows = [
    ...heads,
    ...(teacher ? [cells("", { ...teacher, name: `teacher: ${teacher.name}` })] : []),
    ...students.map((student, i) => cells(letterOf(i), student)),
  ];
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join(" ")
      .trimEnd(),
  );
}

function agreement({ top1Agreement }: Row): string {
  return top1Agreement ? formatPercent(top1Agreement.value) : NOT_MEASURED;
}

function shorten(name: string): string {
  return name.length > longestName ? `…${name.slice(1 - longestName)}` : name;
}

/** Letters where the students stand: capital ones on the front of size. */
function scatter({ students, quality }: TradeOff): readonly string[] {
  const points = students
    .map((student, i) => ({
      letter: student.onFront.size ? letterOf(i) : letterOf(i).toLowerCase(),
      size: costOf(student, "size"),
      loss: lossOf(student, quality),
    }))
    .filter(({ loss }) => Number.isFinite(loss));
  if (points.length < 2) return [];
  const [sizes, losses] = [points.map(({ size }) => size), points.map(({ loss }) => loss)];
  const x = logAxis(Math.min(...sizes), Math.max(...sizes), { from: 0, to: plot.columns - 2, tickCount: 4 });
  const y = linearAxis(Math.min(...losses), Math.max(...losses), { from: plot.rows - 1, to: 0, tickCount: 4 });
  const grid = Array.from({ length: plot.rows }, () => new Array<string>(plot.columns).fill(" "));
  for (const { letter, size, loss } of points) {
    const row = grid[Math.round(y.place(loss))]!;
    let column = Math.round(x.place(size));
    // Beside the one that stands there already.
    while (column < plot.columns - letter.length && row[column] !== " ") column++;
    for (const [i, character] of [...letter].entries()) row[column + i] = character;
  }
  const ticks = new Map(y.ticks.map((tick) => [Math.round(y.place(tick)), formatTick(tick)]));
  const labelWidth = Math.max(...[...ticks.values()].map(({ length }) => length));
  const indent = " ".repeat(labelWidth + 1);
  const axis = new Array<string>(plot.columns + 8).fill(" ");
  for (const tick of x.ticks) {
    const label = [...formatBytes(tick)];
    const start = Math.max(0, Math.round(x.place(tick)) - (label.length >> 1));
    if (axis.slice(Math.max(0, start - 1), start + label.length).every((each) => each === " ")) {
      for (const [i, character] of label.entries()) axis[start + i] = character;
    }
  }
  return [
    quality === "kl" ? "KL from the teacher, nats per token, against size" : "perplexity against size",
    ...grid.map((row, i) => `${(ticks.get(i) ?? "").padStart(labelWidth)} │${row.join("")}`.trimEnd()),
    `${indent}└${"─".repeat(plot.columns)}`,
    `${indent} ${axis.join("")}`.trimEnd(),
    `${indent} capital letters are on the front`,
  ];
}

function formatTick(value: number): string {
  return String(value).replace("-", "−");
}
