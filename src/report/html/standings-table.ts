/** @file The table of a weak-to-strong run: weak teacher, students over the weak labels' weight, ceiling. */

import { weightText } from "../weak-to-strong.js";
import { type Child, html, type Markup } from "./markup.js";

interface Standing {
  /** Its folder. */
  readonly path: string;
}

/** Who stands where. The first student is the run's own. */
export interface Standings<Weak extends Standing, Strong extends Standing, Student extends Strong> {
  readonly weak: Weak;
  readonly ceiling: Strong;
  readonly students: readonly (Student & { readonly weakWeight: Parameters<typeof weightText>[0] })[];
}

/** Each function gives a model's cells, in the order of `heads`. */
export function standingsTable<Weak extends Standing, Strong extends Standing, Student extends Strong>(
  heads: readonly string[],
  { weak, ceiling, students }: Standings<Weak, Strong, Student>,
  cells: {
    weak(model: Weak): readonly Child[];
    ceiling(model: Strong): readonly Child[];
    student(model: Student): readonly Child[];
  },
): Markup {
  const [own, ...others] = students;
  return html`<table>
<caption>Below each value its 95 % interval</caption>
<thead><tr><th scope="col"><span class="unseen">Model</span></th>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>
${row("Weak teacher", weak, cells.weak(weak))}
${others.map((student) => row(`Student at λ = ${weightText(student.weakWeight)}`, student, cells.student(student)))}
${own ? row(`The student, λ = ${weightText(own.weakWeight)}`, own, cells.student(own), "student-after") : null}
${row("Ceiling", ceiling, cells.ceiling(ceiling))}
</tbody>
</table>`;
}

function row(name: string, { path }: Standing, cells: readonly Child[], kind = ""): Markup {
  return html`<tr><th scope="row">${name}<small>${path}</small></th>${cells.map((cell) => html`<td class="${kind}">${cell}</td>`)}</tr>
`;
}
