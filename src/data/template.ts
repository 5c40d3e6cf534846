/** @file Jinja templates as transformers renders them, with errors that say which template and what is missing. */

import { Template as Jinja } from "@huggingface/jinja";
import { DataError, show } from "../errors.js";

/** A parsed template. */
export interface Template {
  /** Names that rendering reads from outside and does not itself test with `is defined` or give a `default`. */
  readonly requiredNames: readonly string[];
  /**
   * @param where - how the message of an error begins: the place of the values.
   * @throws DataError when the template refuses the values (`raise_exception`) or cannot work with them.
   */
  render(values: Readonly<Record<string, unknown>>, where: string): string;
}

/**
 * Parses a template; blocks eat the line break after them and the blanks before them, as in transformers.
 *
 * @param name - what messages call it.
 * @param options.keepsFinalNewline - a final line break of the source is part of the text. Jinja drops it by default, and so do chat templates.
 * @throws DataError when the source is not a template.
 */
export function parseTemplate(
  source: string,
  name: string,
  options: { readonly keepsFinalNewline?: boolean } = {},
): Template {
  // The library drops one final line break: give it one to drop.
  const text = options.keepsFinalNewline && source.endsWith("\n") ? `${source}\n` : source;
  let jinja: Jinja;
  try {
    jinja = new Jinja(text);
  } catch (cause) {
    throw new DataError(`data: ${name} is not a Jinja template: ${messageOf(cause)}; it begins ${show(source)}.`, {
      hint: "Correct the template's syntax.",
      cause,
    });
  }
  return {
    requiredNames: findRequiredNames(jinja.parsed),
    render(values, where) {
      try {
        return jinja.render(Object.fromEntries(Object.entries(values).filter(([name]) => !globals.has(name))));
      } catch (cause) {
        throw new DataError(`data: ${where}: ${name} refuses the row: ${messageOf(cause)}.`, {
          hint: "Change the row so that the template accepts it, or use another template.",
          cause,
        });
      }
    },
  };
}

// What the library puts into every template. It refuses values of these names.
const globals = new Set("true false none True False None range namespace raise_exception strftime_now".split(" "));

interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Free names of a template's syntax tree, less those it is prepared to miss. */
function findRequiredNames(program: object): string[] {
  const read = new Set<string>();
  const given = new Set([...globals, "loop", "caller"]);
  const visit = (value: unknown): void => {
    if (value instanceof Map) visit([...value].flat());
    else if (Array.isArray(value)) for (const item of value) visit(item);
    else if (isNode(value)) visitNode(value);
  };
  const give = (target: unknown): void => {
    if (!isNode(target)) return;
    if (target.type === "Identifier") given.add(target.value as string);
    else if (target.type === "TupleLiteral") for (const part of target.value as unknown[]) give(part);
    else if (target.type === "KeywordArgumentExpression") give(target.key);
    else visit(target);
  };
  const visitNode = (node: Node): void => {
    switch (node.type) {
      case "Identifier":
        read.add(node.value as string);
        return;
      case "Set":
        give(node.assignee);
        visit([node.value, node.body]);
        return;
      case "For":
        give(node.loopvar);
        visit([node.iterable, node.body, node.defaultBlock]);
        return;
      case "Macro":
        give(node.name);
        for (const argument of node.args as unknown[]) give(argument);
        visit(node.body);
        return;
      case "MemberExpression":
        visit(node.object);
        if (node.computed) visit(node.property);
        return;
      case "KeywordArgumentExpression":
        visit(node.value);
        return;
      case "TestExpression":
        if (isTested(node)) give(node.operand);
        else visit(node.operand);
        return;
      case "FilterExpression":
        if (filterName(node.filter) === "default") give(node.operand);
        else visit(node.operand);
        if (isNode(node.filter) && node.filter.type === "CallExpression") visit(node.filter.args);
        return;
      default:
        for (const [key, child] of Object.entries(node)) if (key !== "type") visit(child);
    }
  };
  visit(program);
  return [...read].filter((name) => !given.has(name));
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}

function isTested(node: Node): boolean {
  return isNode(node.test) && (node.test.value === "defined" || node.test.value === "undefined");
}

function filterName(filter: unknown): unknown {
  if (!isNode(filter)) return undefined;
  return isNode(filter.callee) ? filter.callee.value : filter.value;
}

function messageOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, "");
}
