/**
 * @file Writes the rows of `configs/soft-labels-sweep.yaml` into `.limbeck/sotu/`: the quickstart's addresses, and of the
 * held-out ones the first 8,000 characters each, so that many short runs are measured in little time.
 *
 *     npm run build && node scripts/make-sweep-rows.mjs
 */

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { prepareQuickstart } from "../dist/recipes/quickstart-data.js";

const folder = ".limbeck/sotu";
const { heldOut } = await prepareQuickstart(folder);
const rows = (await readFile(heldOut, "utf8")).trim().split("\n");
const short = rows.map((line) => {
  const row = JSON.parse(line);
  return `${JSON.stringify({ ...row, text: row.text.slice(0, 8000) })}\n`;
});
await writeFile(join(folder, "held-out-short.jsonl"), short.join(""));
