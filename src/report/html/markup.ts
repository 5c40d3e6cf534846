/** @file HTML text that escapes whatever is put into it, so that no token, path or config value can become markup. */

/** Text that is HTML already. Only {@link html} and {@link trusted} make it. */
export interface Markup {
  readonly markup: string;
}

/** What a template may hold: strings and numbers are escaped, markup is not, nothing is left out, lists are joined. */
export type Child = string | number | Markup | null | readonly Child[];

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text in which nothing is markup, in an element or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => escapes[character]!);
}

/** A template whose values are escaped: html`<td title="${name}">${name}</td>`. */
export function html(parts: TemplateStringsArray, ...children: readonly Child[]): Markup {
  return { markup: parts.reduce((text, part, i) => text + render(children[i - 1] ?? null) + part) };
}

/** Our own style sheet or script, which must not be escaped. Never give it text from a run. */
export function trusted(text: string): Markup {
  return { markup: text };
}

function render(child: Child): string {
  if (child === null) return "";
  if (typeof child === "string") return escapeHtml(child);
  if (typeof child === "number") return String(child);
  if (isList(child)) return child.map(render).join("");
  return child.markup;
}

function isList(child: Markup | readonly Child[]): child is readonly Child[] {
  return Array.isArray(child);
}
