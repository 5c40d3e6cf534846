/** @file An export joins the report of its run. */

import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ModelError, show } from "../errors.js";
import type { ExportReport } from "./export-report.js";
import type { Report } from "./report.js";
import { writeReport } from "./write-report.js";

/**
 * Puts an export into its run's report.json and report.html; one to the same folder takes the older one's place.
 *
 * @returns false where the run has no report yet.
 */
export async function joinExport(run: string, exported: ExportReport): Promise<boolean> {
  const report = await readReport(run);
  if (report === undefined) return false;
  const others = (report.exports ?? []).filter(({ path }) => resolve(path) !== resolve(exported.path));
  await writeReport(run, { ...report, exports: [...others, exported] });
  return true;
}

/** The exports that a run's report tells of; none where it has no report yet. */
export async function exportsOf(run: string): Promise<NonNullable<Report["exports"]>> {
  return (await readReport(run))?.exports ?? [];
}

async function readReport(run: string): Promise<Report | undefined> {
  const file = join(run, "report.json");
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const report = JSON.parse(text) as Report;
    if (report.limbeckReport === 1) return report;
  } catch {
    // Said below.
  }
  throw new ModelError(`${show(file)}: expected a report of limbeck, got something else.`, {
    hint: "Move the file away, or restore it.",
  });
}
