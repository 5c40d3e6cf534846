/**
 * @file Writes the JSON Schema with which editors complete and check a config. Run after `npm run build`:
 *
 *     node scripts/make-schema.mjs
 */

import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { configJsonSchemaText, jsonSchemaFile } from "../dist/config/json-schema.js";
import { recipeSchemas } from "../dist/recipes/registry.js";

await mkdir(dirname(jsonSchemaFile), { recursive: true });
await writeFile(jsonSchemaFile, configJsonSchemaText(recipeSchemas));
