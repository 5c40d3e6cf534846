/** @file The tokens where student and teacher differ most: each in its context, with what either expected in its place. */

import { formatNumber, formatPercent } from "../format.js";
import type { DifferingToken, TokenProbability } from "../report.js";
import { html, type Markup } from "./markup.js";
import { visibleContext, visibleToken } from "./visible-text.js";

const SHOWN_AT_ONCE = 8;

/** How many characters of context are shown on either side. */
const BEFORE = 240;
const AFTER = 80;

/** All tokens, the first few in sight and the others folded away; null where there are none. */
export function tokenCards(tokens: readonly DifferingToken[]): Markup | null {
  if (tokens.length === 0) return null;
  const rest = tokens.slice(SHOWN_AT_ONCE);
  return html`<div class="tokens">${tokens.slice(0, SHOWN_AT_ONCE).map(tokenCard)}</div>
${rest.length === 0 ? null : html`<details><summary>${rest.length} more</summary><div class="tokens">${rest.map(tokenCard)}</div></details>`}`;
}

function tokenCard(token: DifferingToken): Markup {
  return html`<article class="token">
<p class="context"><span>${visibleContext(lastOf(token.before))}</span><mark>${visibleToken(token.token)}</mark><span>${visibleContext(firstOf(token.after))}</span></p>
<p class="origin"><b>${formatNumber(token.kl)} nats</b> · ${fileName(token.origin.file)}, line ${token.origin.line}, token ${token.position}</p>
<div class="tops">${topList("teacher", token.teacherTop, token.token)}${topList("student", token.studentTop, token.token)}</div>
</article>
`;
}

function topList(name: "teacher" | "student", top: readonly TokenProbability[], actual: string): Markup {
  return html`<div class="top ${name}"><h4>${name}</h4><ol>${top.map(({ text, probability }) => {
    const width = Math.max(0.5, Math.min(100, probability * 100)).toFixed(1);
    return html`
<li${text === actual ? html` class="actual"` : null}><code>${visibleToken(text)}</code><span class="bar"><i style="width:${width}%"></i></span><span class="share">${formatPercent(probability)}</span></li>`;
  })}
</ol></div>`;
}

function lastOf(text: string): string {
  const characters = [...text];
  return characters.length > BEFORE ? `…${characters.slice(-BEFORE).join("")}` : text;
}

function firstOf(text: string): string {
  const characters = [...text];
  return characters.length > AFTER ? `${characters.slice(0, AFTER).join("")}…` : text;
}

function fileName(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}
