/** @file The frame of every page: head, policy, title and footer. A page loads nothing, and runs no script but its own. */

import { createHash } from "node:crypto";
import { type Child, html, trusted } from "./markup.js";
import { style } from "./style.js";

export interface Page {
  readonly title: string;
  readonly limbeckVersion: string;
  /** What made the page: a recipe or a command. */
  readonly kicker: string;
  /** ISO 8601. */
  readonly created: string;
  /** Shown after the date. */
  readonly duration?: string;
  readonly lede: string;
  /** Below the lede. */
  readonly header?: Child;
  readonly sections: readonly Child[];
  /** After "Made by limbeck". */
  readonly footer?: string;
  readonly script?: string;
}

/** The page as text; every word of it is escaped. */
export function pageHtml(page: Page): string {
  const { title, script } = page;
  const own =
    script === undefined ? "" : `; script-src 'sha256-${createHash("sha256").update(script).digest("base64")}'`;
  const policy = `default-src 'none'; style-src 'unsafe-inline'; img-src data:${own}`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="limbeck ${page.limbeckVersion}">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${trusted(style)}</style>
</head>
<body>
<header>
<p class="kicker"><b>limbeck</b><span>${page.kicker}</span><time datetime="${page.created}">${dateOf(page.created)}</time>${page.duration === undefined ? null : html`<span>${page.duration}</span>`}</p>
<h1>${title}</h1>
<p class="lede">${page.lede}</p>
${page.header ?? null}
</header>
<main>
${page.sections}
</main>
<footer>Made by limbeck ${page.limbeckVersion}.${page.footer === undefined ? "" : ` ${page.footer}`}</footer>
${script === undefined ? null : html`<script>${trusted(script)}</script>`}
</body>
</html>
`.markup;
}

/** 2026-11-22 09:41 */
function dateOf(created: string): string {
  return created.slice(0, 16).replace("T", " ");
}
