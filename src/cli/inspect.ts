/** @file `limbeck inspect`: what a path holds, in words. */

import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Command } from "commander";
import { DataError } from "../errors.js";
import { isGguf } from "../weights/gguf/reader.js";
import { type Context, jsonLine, makeCommand } from "./command.js";
import { withDownloads } from "./downloads.js";
import type { Inspection } from "./inspection.js";
import { facts } from "./terminal.js";

export function inspectCommand({ terminal: { out, err } }: Context): Command {
  return makeCommand(
    "inspect",
    "what a model, run, tokenizer or data file holds",
    "Say what a model, run, checkpoint, weights file, tokenizer or data file holds.",
    [
      ["inspect models/teacher", "a model: its type, size and tokenizer"],
      ["inspect models/teacher.Q4_K_M.gguf", "the same of a GGUF file"],
      ["inspect runs/mine", "a run: what was trained, how far it is, what came out"],
      ["inspect runs/mine/student/model.safetensors", "every tensor of a file"],
      ["inspect data/train.jsonl", "rows: how many, of which kind, and the first"],
      [
        "inspect .limbeck/cache/mine-sparse-64-1a2b3c4d",
        "a capture: checked, bytes per token, how the distributions are",
      ],
    ],
  )
    .argument("<path>", "a file, a folder, or a model on the Hugging Face hub")
    .option("--json", "print one JSON object")
    .action(async (path: string, { json }: { readonly json?: boolean }) => {
      const { locateModel } = await import("../weights/hub/index.js");
      const found = await inspect(await withDownloads(err, (download) => locateModel(path, download)));
      if (json) out.write(jsonLine({ kind: found.kind, path, ...found.data }));
      else {
        out.write(facts([["path", path], ["kind", found.kind], ...found.facts], out.width));
        if (found.more !== undefined) out.write(`\n${found.more}`);
      }
    });
}

async function inspect(path: string): Promise<Inspection> {
  const [{ inspectData }, { inspectModel, inspectTokenizer, inspectWeights }, { inspectCheckpoint, inspectRun }] =
    await Promise.all([import("./inspect-data.js"), import("./inspect-model.js"), import("./inspect-run.js")]);
  const stats = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const problem = cause.code === "ENOENT" ? "there is no such file or folder" : cause.message;
    throw new DataError(`inspect: "${path}": ${problem}.`, { cause });
  });
  if (!stats.isDirectory()) {
    if (isGguf(path)) return inspectModel(path);
    if (path.endsWith(".safetensors")) return inspectWeights(path);
    if (basename(path) === "tokenizer.json") return inspectTokenizer(join(path, ".."));
    return inspectData(path);
  }
  const names = new Set(await readdir(path));
  if (names.has("manifest.json") || names.has("metrics.jsonl")) return inspectRun(path, names);
  if (names.has("capture.json")) return (await import("./inspect-cache.js")).inspectCapture(path);
  if (names.has("state.json")) return inspectCheckpoint(path);
  if ([...names].some((name) => name.endsWith(".safetensors")) || !names.has("tokenizer.json"))
    return inspectModel(path);
  return inspectTokenizer(path);
}
