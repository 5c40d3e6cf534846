/** @file What a schema objects to, as problems that say where, what was expected, what was got, and the probable intention. */

import type * as z from "zod";
import { type ConfigProblem, show } from "../errors.js";
import { expectation, joinWords, keyPaths, lookUp, type SchemaNode } from "./schema-tree.js";
import { closest, closestPath } from "./suggest.js";

type Path = readonly PropertyKey[];

/** A problem with its path still in parts, so that its line can be looked up. */
export interface FoundProblem extends ConfigProblem {
  readonly at: Path;
}

/**
 * Every problem of `data`, in the order in which zod found them.
 *
 * @param issues - what zod found.
 * @param tree - the same schema as JSON Schema, from which the words for what was expected come.
 */
export function findProblems(issues: readonly z.core.$ZodIssue[], tree: SchemaNode, data: unknown): FoundProblem[] {
  return issues.flatMap((issue) => problemsOf(issue, tree, data));
}

function problemsOf(issue: z.core.$ZodIssue, tree: SchemaNode, data: unknown): FoundProblem[] {
  const { path } = issue;
  if (issue.code === "custom") return [problem(path, issue.message)];
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey([...path, key], tree));
  if (issue.code === "invalid_union") {
    // The alternative whose kind of value was meant: its problems lie deeper than the value itself.
    const meant = issue.errors.find((inner) => inner.length > 0 && inner.every((deeper) => deeper.path.length > 0));
    if (meant !== undefined) {
      return meant.flatMap((deeper) => problemsOf({ ...deeper, path: [...path, ...deeper.path] }, tree, data));
    }
  }
  const value = valueAt(data, path);
  const misspelt = misspeltTerm(path, value, tree);
  if (misspelt !== undefined) return [misspelt];
  const expected = expectedBy(issue, lookUp(tree, path)?.node);
  if (value === undefined) return [problem(path, `missing; expected ${expected}`)];
  const got = `expected ${expected}, got ${value === null ? "nothing (null)" : show(value)}`;
  const allowed = issue.code === "invalid_value" && typeof value === "string" ? issue.values.map(String) : [];
  const meant = closest(String(value), allowed);
  return [problem(path, meant === undefined ? got : `${got}; did you mean ${show(meant)}?`)];
}

/** Where users choose the names (terms of the objective), a misspelt key looks like a term without a kind, or like no term at all. */
function misspeltTerm(path: Path, value: unknown, tree: SchemaNode): FoundProblem | undefined {
  const isChosen = (at: Path): boolean => lookUp(tree, at)?.isNamed === false;
  if (isChosen(path) && (typeof value !== "object" || value === null)) return unknownKey(path, tree);
  const parent = path.slice(0, -1);
  if (path.at(-1) !== "kind" || value !== undefined || !isChosen(parent)) return undefined;
  return closestPath(dotted(parent), keyPaths(tree)) === undefined ? undefined : unknownKey(parent, tree);
}

function unknownKey(path: Path, tree: SchemaNode): FoundProblem {
  const meant = closestPath(dotted(path), keyPaths(tree));
  if (meant !== undefined) return problem(path, `unknown key; did you mean ${meant}?`);
  const known = Object.keys(lookUp(tree, path.slice(0, -1))?.node.properties ?? {});
  return problem(path, known.length === 0 ? "unknown key" : `unknown key; expected ${joinWords(known)}`);
}

/** What was expected, in words: from the schema, or from the issue where the key is one that the schema does not name. */
function expectedBy(issue: z.core.$ZodIssue, node: SchemaNode | undefined): string {
  if (issue.code === "invalid_value") return joinWords(issue.values.map(show));
  if (issue.code === "invalid_union" && "options" in issue) return joinWords((issue.options as unknown[]).map(show));
  const fromSchema = node === undefined ? undefined : expectation(node);
  if (fromSchema !== undefined) return fromSchema;
  if (issue.code === "invalid_type")
    return expectation({ type: issue.expected === "int" ? "integer" : issue.expected }) ?? issue.expected;
  if (issue.code === "too_small" && issue.origin === "number") {
    return `a number ${issue.inclusive ? "of at least" : "above"} ${issue.minimum}`;
  }
  if (issue.code === "too_big" && issue.origin === "number") {
    return `a number ${issue.inclusive ? "of at most" : "below"} ${issue.maximum}`;
  }
  return issue.message;
}

function problem(at: Path, message: string): FoundProblem {
  return { at, path: dotted(at), message };
}

function dotted(path: Path): string {
  return path.map(String).join(".");
}

function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}
