/** @file JSON that a user wrote by hand, validated by a schema; every problem is listed with its line. */

import type * as z from "zod";
import { configError } from "./config-error.js";
import { findProblems } from "./config-problems.js";
import { parseConfigText } from "./config-text.js";
import { schemaTree } from "./schema-tree.js";

/**
 * Validates JSON text.
 *
 * @param where - who complains: `loss`.
 * @param file - what to call the text in errors: its path.
 * @throws ConfigError that lists all problems.
 */
export function parseJsonInput<Output>(where: string, file: string, text: string, schema: z.ZodType<Output>): Output {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    const [problem] = parseConfigText(text).problems;
    const message = text.trim() === "" ? "expected JSON, got an empty file" : (error as Error).message;
    throw configError(where, file, [{ path: "", message, ...(problem?.line !== undefined && { line: problem.line }) }]);
  }
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const lines = parseConfigText(text);
  const problems = findProblems(parsed.error.issues, schemaTree(schema), data).map(({ at, path, message }) => {
    const line = lines.lineOf(at.map(String));
    return line === undefined ? { path, message } : { path, message, line };
  });
  throw configError(where, file, problems);
}
