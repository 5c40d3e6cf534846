/** @file A recipe's schema as plain JSON Schema: what is known at a path, and what is expected there, in words. */

import * as z from "zod";
import { show } from "../errors.js";

/** The part of JSON Schema that our schemas use. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | SchemaNode;
  readonly items?: SchemaNode;
  readonly prefixItems?: readonly SchemaNode[];
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly minItems?: number;
}

/** What a config may say, as JSON Schema (draft 2020-12). */
export function schemaTree(schema: z.ZodType): SchemaNode {
  return z.toJSONSchema(schema, { io: "input", reused: "inline" }) as SchemaNode;
}

/** The node at a path, and whether the path's last key is one of the schema's own rather than a name that the user chose. */
export interface Lookup {
  readonly node: SchemaNode;
  readonly isNamed: boolean;
}

/** Looks a path up; undefined where the schema knows no such key. Of alternatives, the first that has the path counts. */
export function lookUp(node: SchemaNode, path: readonly PropertyKey[], isNamed = true): Lookup | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return { node, isNamed };
  for (const alternative of alternatives(node)) {
    const named = Object.hasOwn(alternative.properties ?? {}, key) ? alternative.properties?.[String(key)] : undefined;
    const listed = alternative.prefixItems?.[Number(key)] ?? alternative.items;
    const other = typeof alternative.additionalProperties === "object" ? alternative.additionalProperties : undefined;
    const child = named ?? listed ?? other;
    const found = child === undefined ? undefined : lookUp(child, rest, child !== other);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Dotted paths of every key that the schema names, sections before what is in them. */
export function keyPaths(node: SchemaNode, prefix = ""): string[] {
  return alternatives(node).flatMap((alternative) =>
    Object.entries(alternative.properties ?? {}).flatMap(([key, child]) => [
      prefix + key,
      ...keyPaths(child, `${prefix}${key}.`),
    ]),
  );
}

/** What a node accepts, in words: "a number above 0 or null"; undefined where the node says nothing. */
export function expectation(node: SchemaNode): string | undefined {
  if (node.const !== undefined) return show(node.const);
  if (node.enum !== undefined) return joinWords(node.enum.map(show));
  const options = node.anyOf ?? node.oneOf;
  if (options !== undefined) return joinWords([...new Set(options.map((option) => expectation(option) ?? "anything"))]);
  switch (node.type) {
    case "integer":
      return `a whole number${bounds(node)}`;
    case "number":
      return `a number${bounds(node)}`;
    case "boolean":
      return "true or false";
    case "string":
      return node.minLength === undefined ? "text" : "text that is not empty";
    case "null":
      return "null";
    case "array":
      if (node.prefixItems !== undefined) return `a list of ${node.prefixItems.length}`;
      return node.minItems === undefined ? "a list" : `a list of at least ${node.minItems}`;
    case "object":
      return "a section of keys and values";
    default:
      return undefined;
  }
}

/** "a, b or c" */
export function joinWords(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function alternatives(node: SchemaNode): readonly SchemaNode[] {
  return node.anyOf ?? node.oneOf ?? [node];
}

function bounds({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: SchemaNode): string {
  const isReal = (limit: number | undefined): limit is number => Math.abs(limit ?? Infinity) < Number.MAX_SAFE_INTEGER;
  const words = [
    isReal(exclusiveMinimum) ? `above ${exclusiveMinimum}` : isReal(minimum) ? `of at least ${minimum}` : "",
    isReal(exclusiveMaximum) ? `below ${exclusiveMaximum}` : isReal(maximum) ? `of at most ${maximum}` : "",
  ].filter((word) => word !== "");
  return words.length === 0 ? "" : ` ${words.join(" and ")}`;
}
