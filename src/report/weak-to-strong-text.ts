/** @file Weak teacher, students and ceiling for a terminal of 80 columns. */

import { alignTable } from "./align-columns.js";
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
  return alignTable(rows, 2);
}

function cells(name: string, { loss, accuracy }: Performance, student?: TaughtStudent): string[] {
  const share = (measure: "loss" | "accuracy") => {
    if (!student) return "";
    const recovered = student.recovered[measure];
    return recovered ? formatPercent(recovered.value) : NOT_MEASURED;
  };
  return [name, formatNumber(loss.value), formatPercent(accuracy.value), share("loss"), share("accuracy")];
}
