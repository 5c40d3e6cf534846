/** @file What a user should know before believing the page. */

import type { Report } from "../report.js";
import { html, type Markup } from "./markup.js";

/** The run's warnings; null where there are none. */
export function warnings(report: Report): Markup | null {
  if (report.warnings.length === 0) return null;
  return html`<aside class="warnings"><h2>Warnings</h2><ul>
${report.warnings.map(({ code, message }) => html`<li>${message} <code>${code}</code></li>`)}</ul></aside>`;
}
