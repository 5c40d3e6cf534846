/** @file Writes a report into a run's folder. */

import { join } from "node:path";
import { writeFileAtomically } from "../weights/atomic-write.js";
import { reportHtml } from "./html.js";
import type { Report } from "./report.js";

/** Writes report.json and report.html into `folder`, each whole or not at all. */
export async function writeReport(folder: string, report: Report): Promise<void> {
  const json = `${JSON.stringify(report, null, 2)}\n`;
  const page = reportHtml(report);
  await writeFileAtomically(join(folder, "report.json"), (file) => file.writeFile(json));
  await writeFileAtomically(join(folder, "report.html"), (file) => file.writeFile(page));
}
