import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { recipeSchemas } from "../recipes/registry.js";
import { configJsonSchemaText, jsonSchemaFile } from "./json-schema.js";
import { lookUp, type SchemaNode, schemaTree } from "./schema-tree.js";

/** Dotted paths of keys, at any depth, that are not described; the keys of a message need no description. */
function undescribed(node: SchemaNode, path = ""): string[] {
  const alternatives = node.anyOf ?? node.oneOf ?? [node];
  return alternatives.flatMap(({ properties = {}, items }) => [
    ...(items === undefined ? [] : undescribed(items, path)),
    ...Object.entries(properties).flatMap(([key, child]) => [
      ...(child.description === undefined && key !== "messages" ? [`${path}${key}`] : []),
      ...(key === "messages" ? [] : undescribed(child, `${path}${key}.`)),
    ]),
  ]);
}

describe("configJsonSchema", () => {
  it("is the committed file; write it again with node scripts/make-schema.mjs", () => {
    expect(readFileSync(jsonSchemaFile, "utf8")).toBe(configJsonSchemaText(recipeSchemas));
  });

  it.each(Object.keys(recipeSchemas))("describes every key of %s", (name) => {
    const tree = schemaTree(recipeSchemas[name as keyof typeof recipeSchemas]);
    expect(undescribed(tree)).toEqual([]);
    expect(lookUp(tree, ["training", "learningRate"])?.node.default).toBe(3e-4);
  });
});
