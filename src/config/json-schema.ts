/** @file The JSON Schema with which an editor completes and checks a config while it is written. */

import type * as z from "zod";
import { type SchemaNode, schemaTree } from "./schema-tree.js";

/** Where a config says which schema it follows: `# yaml-language-server: $schema=…` in its first line. */
export const jsonSchemaFile = "schema/limbeck.schema.json";

/** One schema for all recipes; the key `recipe` decides which applies. */
export function configJsonSchema(schemas: Readonly<Record<string, z.ZodType>>): Record<string, unknown> {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "limbeck config",
    type: "object",
    required: ["recipe"],
    properties: { recipe: { enum: Object.keys(schemas), description: "The way to distil." } },
    oneOf: Object.values(schemas).map((schema) => withoutMeta(schemaTree(schema))),
  };
}

/** The same as text, as it stands in {@link jsonSchemaFile}. */
export function configJsonSchemaText(schemas: Readonly<Record<string, z.ZodType>>): string {
  return `${JSON.stringify(configJsonSchema(schemas), null, 2)}\n`;
}

function withoutMeta(node: SchemaNode): SchemaNode {
  const { $schema: _, ...rest } = node as SchemaNode & { $schema?: string };
  return rest;
}
