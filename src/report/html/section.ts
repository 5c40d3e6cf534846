/** @file A part of the page: a heading, perhaps a note below it, and what it holds. */

import { html, type Markup } from "./markup.js";

export function section(title: string, note: string | null, content: readonly (Markup | null)[]): Markup {
  return html`<section><h2>${title}</h2>${note === null ? null : html`<p class="note">${note}</p>`}${content}</section>
`;
}
