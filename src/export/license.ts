/** @file The licence of a model, where its files say so: the hub's front matter in README.md, or a GGUF file's metadata. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { openGguf } from "../weights/gguf/reader.js";
import { isGguf } from "../weights/index.js";

/** The licence's name as the hub writes it, such as `apache-2.0`; undefined where the model's files do not say. */
export async function readLicense(path: string): Promise<string | undefined> {
  if (isGguf(path)) {
    await using file = await openGguf(path);
    return textOf(file.metadata.get("general.license"));
  }
  const card = await readFile(join(path, "README.md"), "utf8").catch(() => "");
  const frontMatter = /^---\r?\n(.*?)\r?\n---/s.exec(card)?.[1];
  if (frontMatter === undefined) return undefined;
  try {
    return textOf((parse(frontMatter) as { license?: unknown } | null)?.license);
  } catch {
    return undefined; // A card that is not well-formed says nothing.
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && value !== "unknown" ? value : undefined;
}
