/** @file One error for everything that is wrong with a file that a user wrote. */

import { ConfigError, type ConfigProblem } from "../errors.js";

/** A problem with the `--set` that it came from, if it came from one. */
export interface PlacedProblem extends ConfigProblem {
  readonly source?: string;
}

/** The most problems that a message lists; `problems` has them all. */
const listed = 30;

/**
 * The error that lists the problems, in the order of their lines.
 *
 * @param where - who complains, and about which file: `config: … in x.yaml`.
 */
export function configError(where: string, file: string, problems: readonly PlacedProblem[]): ConfigError {
  const sorted = problems.toSorted((a, b) => (a.line ?? Number.MAX_VALUE) - (b.line ?? Number.MAX_VALUE));
  const lines = sorted.slice(0, listed).map((problem) => `\n  ${label(problem)}${problem.message}`);
  const more = sorted.length > listed ? `\n  and ${sorted.length - listed} more` : "";
  const count = sorted.length === 1 ? "1 problem" : `${sorted.length} problems`;
  return new ConfigError(`${where}: ${count} in ${file}${lines.join("")}${more}`, sorted);
}

function label({ path, line, source }: PlacedProblem): string {
  const place = source ?? (line === undefined ? "" : `line ${line}`);
  if (path === "") return place === "" ? "" : `${place}: `;
  return place === "" ? `${path}: ` : `${path} (${place}): `;
}
