/** @file The page of a run: what every report says of it, around the sections of its own. */

import { stringify } from "yaml";
import { headline } from "../conclusion.js";
import { formatSeconds } from "../format.js";
import type { Report } from "../report.js";
import { type Child, html } from "./markup.js";
import { type Page, pageHtml } from "./page.js";
import { script } from "./script.js";
import { section } from "./section.js";

/** The page as text; "The run", with the resolved config, comes last. */
export function runPageHtml(report: Report, own: Pick<Page, "lede" | "header" | "sections">): string {
  const { run } = report;
  const theRun: Child = section(
    "The run",
    `${run.machine}. Device ${run.device}, ${run.threads} threads, seed ${run.seed}.`,
    [html`<details><summary>Resolved config</summary><pre>${stringify(run.config)}</pre></details>`],
  );
  return pageHtml({
    title: headline(report),
    limbeckVersion: run.limbeckVersion,
    kicker: run.recipe,
    created: run.created,
    duration: formatSeconds(run.seconds),
    ...own,
    sections: [...own.sections, theRun],
    footer: "The numbers are in report.json beside this page, every step in metrics.jsonl.",
    script,
  });
}
