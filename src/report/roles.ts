/** @file What the four models of a report are called: in the page, and where room is short. */

import type { ModelRole } from "./report.js";

/** In the order of the table. */
export const roles: readonly ModelRole[] = [
  "teacher",
  "teacher-without-context",
  "student-before",
  "student-after",
  "twin",
];

export const roleNames: Readonly<Record<ModelRole, { readonly short: string; readonly long: string }>> = {
  teacher: { short: "teacher", long: "Teacher" },
  "teacher-without-context": { short: "bare", long: "Bare teacher" },
  "student-before": { short: "before", long: "Before" },
  "student-after": { short: "student", long: "Student" },
  twin: { short: "twin", long: "Twin" },
};
