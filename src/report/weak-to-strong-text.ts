/** @file Weak teacher, students and ceiling for a terminal of 80 columns. */

import { formatNumber, formatPercent, NOT_MEASURED } from "./format.js";
import { type Performance, type TaughtStudent, type WeakToStrongReport, weightText } from "./weak-to-strong.js";

/** Lines of a table: who stands where, and what share of the gap each student recovers. */
export function weakToStrongLines({ weak, ceiling, students }: WeakToStrongReport): readonly string[] {
  const [own, ...others] = students as readonly [TaughtStudent, ...TaughtStudent[]];
  const rows = [
    ["on ground truth", "loss", "accuracy", "gap recovered", ""],
    ["", "nats/token", "top-1", "in loss", "in accuracy"],
    cells("weak teacher", weak),
    ...others.map((student) => cells(`student, λ = ${weightText(student.weakWeight)}`, student, student)),
    cells(`the student, λ = ${weightText(own.weakWeight)}`, own, own),
    cells("ceiling", ceiling),
  ];
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
  const rule = "─".repeat(widths.reduce((sum, width) => sum + width + 2, -2));
  return [...lines.slice(0, 2), rule, ...lines.slice(2)];
}

function cells(name: string, { loss, accuracy }: Performance, student?: TaughtStudent): string[] {
  const share = (measure: "loss" | "accuracy") => {
    if (!student) return "";
    const recovered = student.recovered[measure];
    return recovered ? formatPercent(recovered.value) : NOT_MEASURED;
  };
  return [name, formatNumber(loss.value), formatPercent(accuracy.value), share("loss"), share("accuracy")];
}
