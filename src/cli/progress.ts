/** @file How far a long command is: one line rewritten in place on a terminal, a line now and then elsewhere. */

import type { StartMeasure } from "../evaluate/measure-start.js";
import type { RunEvent } from "../recipes/run-recipe.js";
import {
  formatBytes,
  formatCount,
  formatNumber,
  formatPercent,
  formatSeconds,
  NOT_MEASURED,
} from "../report/format.js";
import { type Output, warningText, wrap } from "./terminal.js";

/** Shows events of a run as they come. */
export interface Progress {
  show(event: RunEvent): void;
  /** A line of its own, above the progress line. */
  note(text: string): void;
  /** Leaves the last state standing. */
  end(): void;
}

/** What a progress line says. */
interface Task {
  readonly name: string;
  readonly done: number;
  /** 0 where it is not known. */
  readonly total: number;
  readonly unit: string;
  /** Further figures, the most telling first; those that do not fit are left out. */
  readonly figures: readonly string[];
}

/** Milliseconds between two rewritings of the line, and between two lines where nothing is rewritten. */
const rewriteEvery = 100;
const lineEvery = 30_000;

/** @param now - milliseconds; a clock of its own for tests. */
export function showProgress(output: Output, now: () => number = Date.now): Progress {
  let task: Task | undefined;
  let start = { name: "", at: 0, done: 0 };
  let shownAt = Number.NEGATIVE_INFINITY;
  let shownTenths = 0;
  let isLineOpen = false;
  let heldOutKl: number | undefined;

  const closeLine = (isKept: boolean): void => {
    if (!isLineOpen) return;
    output.write(isKept ? "\n" : "\r\x1b[2K");
    isLineOpen = false;
  };
  const note = (text: string): void => {
    closeLine(false);
    output.write(`${text}\n`);
    if (task !== undefined && output.isTerminal) draw(task);
  };
  const draw = (current: Task): void => {
    shownAt = now();
    shownTenths = tenths(current);
    const elapsed = (now() - start.at) / 1000;
    const isMeasured = current.done > start.done && elapsed > 0 && current.done < current.total;
    const left = isMeasured ? (elapsed / (current.done - start.done)) * (current.total - current.done) : undefined;
    const isMoving = current.unit === "bytes" && current.done > start.done && elapsed > 0;
    const figures = [
      ...(left === undefined ? [] : [`${formatSeconds(left)} left`]),
      ...(isMoving ? [`${formatBytes((current.done - start.done) / elapsed)}/s`] : []),
      ...current.figures,
    ];
    if (output.isTerminal) {
      output.write(`\r\x1b[2K${progressLine({ ...current, figures }, output)}`);
      isLineOpen = true;
    } else {
      output.write(`${plainLine({ ...current, figures })}\n`);
    }
  };
  const advance = (next: Task): void => {
    if (next.name !== start.name) {
      end();
      start = { name: next.name, at: now(), done: next.done };
      shownTenths = 0;
      shownAt = Number.NEGATIVE_INFINITY;
    }
    task = next;
    const isDone = next.total > 0 && next.done >= next.total;
    const wait = now() - shownAt;
    const isDue = output.isTerminal ? wait >= rewriteEvery : tenths(next) > shownTenths || wait >= lineEvery;
    if (isDue || isDone) draw(next);
    if (isDone) end();
  };
  const end = (): void => {
    closeLine(true);
    task = undefined;
    start = { name: "", at: 0, done: 0 };
  };

  return {
    note,
    end,
    show(event) {
      switch (event.type) {
        case "phase":
          end();
          heldOutKl = undefined;
          return note(output.style("bold", event.message));
        case "progress":
          return advance({
            name: event.task,
            done: event.done,
            total: event.total,
            unit: event.unit,
            figures: event.figures ?? [],
          });
        case "start":
          return note(describeStart(event, output.width));
        case "step":
          return advance({
            name: event.run,
            done: event.step,
            total: event.steps,
            unit: "steps",
            figures: [
              `loss ${formatNumber(event.loss)}`,
              ...(heldOutKl === undefined ? [] : [`KL ${formatNumber(heldOutKl)}`]),
              `${formatCount(event.tokensPerSecond)} tok/s`,
            ],
          });
        case "evaluation": {
          const { klTeacherStudent: kl, isBest } = event.evaluation;
          heldOutKl = kl;
          const figures = [
            ...(kl === undefined ? [] : [`KL ${formatNumber(kl)}`]),
            `${describeQuality(event.evaluation)}${isBest ? ", best so far" : ""}`,
          ];
          return note(`  ${event.run}, step ${event.step}: held-out ${figures.join(", ")}`);
        }
        case "checkpoint":
          return note(output.style("dim", `  checkpoint ${event.path}`));
        case "warning":
          return note(warningText(event, output));
      }
    },
  };
}

/** `layers 0, 2, 4 of teacher: 71.2M parameters (1.2M of them trained), 285 MB, 1,500 tok/s, held-out KL 3.2` */
function describeStart(start: Extract<RunEvent, { readonly type: "start" }>, width: number): string {
  const { parameters, trainedParameters, klFromTeacher } = start;
  const trained = trainedParameters === parameters ? "" : ` (${formatCount(trainedParameters)} of them trained)`;
  const figures = [
    `${formatCount(parameters)} parameters${trained}`,
    formatBytes(start.bytes),
    `${formatCount(start.tokensPerSecond)} tok/s`,
    ...(klFromTeacher === null ? [] : [`held-out KL ${formatNumber(klFromTeacher)}`]),
    describeQuality(start),
  ];
  const lines = wrap(`the student starts from ${start.origin}: ${figures.join(", ")}`, width - 2);
  return lines.map((line) => `  ${line}`).join("\n");
}

/** A classifier by its accuracy, where labels are held out; every other model by its perplexity. */
function describeQuality({ accuracy, perplexity }: Pick<StartMeasure, "accuracy" | "perplexity">): string {
  if (accuracy === undefined) return `perplexity ${formatNumber(perplexity)}`;
  return `accuracy ${Number.isNaN(accuracy) ? NOT_MEASURED : formatPercent(accuracy)}`;
}

function tenths({ done, total }: Task): number {
  return total === 0 ? 0 : Math.floor((10 * done) / total);
}

/** `student  ━━━━━━━━────  120/400  1 min 20 s left  loss 3.21  KL 0.812`, one column short of the width. */
function progressLine({ name, done, total, unit, figures }: Task, output: Output): string {
  if (total === 0) return `${name}  ${amount(done, unit)}`;
  const head = `${name}  `;
  const count =
    unit === "bytes"
      ? `  ${formatBytes(done)} of ${formatBytes(total)}`
      : `  ${formatCount(done)}/${formatCount(total)}`;
  const shortestBar = 6;
  let tail = count;
  for (const figure of figures) {
    if (head.length + shortestBar + tail.length + 2 + figure.length < output.width) tail += `  ${figure}`;
  }
  const length = Math.min(24, Math.max(0, output.width - 1 - head.length - tail.length));
  const filled = Math.floor(length * Math.min(1, done / total));
  const bar = output.style("green", "━".repeat(filled)) + output.style("dim", "─".repeat(length - filled));
  return head + bar + tail;
}

function plainLine({ name, done, total, unit, figures }: Task): string {
  if (total === 0) return `${name}: ${amount(done, unit)}`;
  const share = Math.round((100 * done) / total);
  const count =
    unit === "bytes"
      ? `${formatBytes(done)} of ${formatBytes(total)}`
      : `${formatCount(done)} of ${formatCount(total)} ${unit}`;
  return `${name}: ${count} (${share} %)${figures.map((text) => `, ${text}`).join("")}`;
}

function amount(count: number, unit: string): string {
  return unit === "bytes" ? formatBytes(count) : `${formatCount(count)} ${unit}`;
}
