/** @file A config file, or a config made in code, to a validated config. */

import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ConfigError } from "../errors.js";
import { type RunConfig, recipeSchemas } from "../recipes/registry.js";
import { parseConfig } from "./parse-config.js";
import { closest } from "./suggest.js";

/**
 * Reads and validates the config file at `path`. Relative paths in it start from the current directory, as on a command line.
 *
 * @param overrides - `a.b=c`, applied in order.
 * @throws ConfigError if the file cannot be read, or with every problem that it has.
 * @example
 * const config = await loadConfig("configs/mine.yaml", ["training.steps=50"]);
 */
export async function loadConfig(path: string, overrides: readonly string[] = []): Promise<RunConfig> {
  return parseConfig({ name: path, text: await readText(path), overrides }, recipeSchemas);
}

/**
 * Validates a config that was not read from a file, and fills in its defaults.
 *
 * @throws ConfigError with every problem that it has.
 */
export function resolveConfig(config: unknown): RunConfig {
  return parseConfig({ name: "the given config", text: JSON.stringify(config ?? null) }, recipeSchemas);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const problem =
      code === "EISDIR"
        ? `"${path}" is a folder, expected a config file`
        : code === "ENOENT" || code === "ENOTDIR"
          ? `there is no file "${path}"`
          : `"${path}" cannot be read (${code})`;
    const hint = await hintFor(path, code);
    throw new ConfigError(`config: ${problem}.`, [{ path: "", message: problem }], { cause, ...(hint && { hint }) });
  }
}

/** Names the file that was probably meant: one of nearly the same name beside it, or the config inside a folder. */
async function hintFor(path: string, code: string | undefined): Promise<string | undefined> {
  const folder = code === "EISDIR" ? path : dirname(path);
  const names = await readdir(folder).catch(() => []);
  const configs = names.filter((name) => /\.(ya?ml|json)$/.test(name));
  const meant = code === "EISDIR" ? configs.find((name) => name === "config.yaml") : closest(basename(path), configs);
  return meant === undefined ? undefined : `Pass ${join(folder, meant)}.`;
}
