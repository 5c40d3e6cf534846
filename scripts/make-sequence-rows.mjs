/**
 * @file Makes the rows of the `sequence` and `select` configs from the State of the Union addresses: stretches of 150 words of the
 * training addresses as {prompt, response} (the first 40 words and the rest) and as {text}, and held-out stretches in both forms.
 *
 *     node scripts/make-sequence-rows.mjs FOLDER [PROMPTS]
 */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { prepareQuickstart } from "../dist/recipes/quickstart-data.js";

const [folder = ".limbeck/sequence", prompts = "500"] = process.argv.slice(2);
const files = await prepareQuickstart(folder);

/** @param {string} file */
async function stretches(file) {
  const lines = (await readFile(file, "utf8")).trim().split("\n");
  return lines.flatMap((line) => {
    const { text, year } = /** @type {{ text: string, year: string }} */ (JSON.parse(line));
    const words = text.split(/(?<=\s)/);
    return Array.from({ length: Math.floor(words.length / 150) }, (_, i) => {
      const at = (/** @type {number} */ from, /** @type {number} */ to) =>
        words.slice(150 * i + from, 150 * i + to).join("");
      return { prompt: at(0, 40).trimEnd(), response: ` ${at(40, 150).trim()}`, text: at(0, 150).trim(), year };
    });
  });
}

/** Evenly over two centuries. @template Row @param {readonly Row[]} rows @param {number} count */
const spread = (rows, count) => Array.from({ length: count }, (_, i) => rows[Math.floor((i * rows.length) / count)]);

/** @param {string} name @param {readonly object[]} rows */
const write = (name, rows) => writeFile(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));

const train = await stretches(files.train);
const heldOut = await stretches(files.heldOut);
await write(
  "prompts.jsonl",
  spread(train, Number(prompts)).map(({ prompt, response, year }) => ({ prompt, response, year })),
);
await write(
  "windows.jsonl",
  train.map(({ text, year }) => ({ text, year })),
);
await write(
  "held-out-windows.jsonl",
  spread(heldOut, 60).map(({ text, year }) => ({ text, year })),
);
