/** @file A config file to a validated config, and a validated config back to a file. */

import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { stringify } from "yaml";
import { ConfigError } from "../errors.js";
import { parseConfig, type RecipeSchemas } from "./parse-config.js";
import { closest } from "./suggest.js";

/**
 * Reads and validates the config file at `path`. Relative paths in it start from the current directory, as on a command line.
 *
 * @param overrides - `a.b=c`, applied in order.
 * @throws ConfigError if the file cannot be read, or with every problem that it has.
 */
export async function loadConfig<Config>(
  path: string,
  schemas: RecipeSchemas<Config>,
  overrides: readonly string[] = [],
): Promise<Config> {
  return parseConfig({ name: path, text: await readText(path), overrides }, schemas);
}

/** A validated config as YAML, for the run's folder. Loading it gives the same config again. */
export function configToYaml(config: unknown): string {
  return stringify(config, { lineWidth: 0 });
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
