/**
 * @file Writes the rows of the stories in `configs/soft-labels-smollm2-*.yaml` into `.limbeck/stories/`: addresses of the
 * twentieth century on as text, and passages of them as chats (run after `npm run build`):
 *
 *     node scripts/make-story-rows.mjs
 */

import { mkdir, writeFile } from "node:fs/promises";
import { locateDataset, readDataset } from "../dist/recipes/quickstart-data.js";

const folder = ".limbeck/stories";
const firstYear = 1900;
/** A chat takes so many sentences as the question, and as many as the answer; the rest of a stretch is left out. */
const sentencesPerTurn = 4;
const sentencesPerStretch = 40;

/** @typedef {{ text: string, year: string, president: string }} Address */

/** @param {string} lines one address per line, as JSON @returns {Address[]} */
function parse(lines) {
  const addresses = lines
    .trim()
    .split("\n")
    .map((line) => /** @type {Address} */ (JSON.parse(line)));
  return addresses.filter(({ year }) => Number(year) >= firstYear);
}

/** @param {Address} address @returns {object[]} rows of messages */
function chats({ text, year, president }) {
  const sentences = text.match(/[^.!?]+[.!?]+(\s|$)/g) ?? [];
  const rows = [];
  for (let i = 0; i + 2 * sentencesPerTurn <= sentences.length; i += sentencesPerStretch) {
    /** @param {number} from */
    const take = (from) =>
      sentences
        .slice(from, from + sentencesPerTurn)
        .join("")
        .trim();
    const question = `Continue this passage of the State of the Union address that ${president} gave in ${year}:\n\n${take(i)}`;
    const messages = [
      { role: "user", content: question },
      { role: "assistant", content: take(i + sentencesPerTurn) },
    ];
    rows.push({ messages });
  }
  return rows;
}

/** Held-out addresses are cut, so that measuring a student takes a minute, not ten. */
const heldOutCharacters = 12_000;

/** @param {object[]} rows */
const toLines = (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const text = await readDataset(locateDataset());
await mkdir(folder, { recursive: true });
for (const [name, split] of Object.entries({ train: text.train, "held-out": text.heldOut })) {
  const addresses = parse(split);
  /** @param {Address} address @returns {Address} */
  const cut = ({ text, ...row }) => ({ ...row, text: name === "train" ? text : text.slice(0, heldOutCharacters) });
  const rows = { addresses: addresses.map(cut), chats: addresses.flatMap(chats) };
  for (const [kind, list] of Object.entries(rows)) {
    await writeFile(`${folder}/${kind}-${name}.jsonl`, toLines(list));
    process.stdout.write(`${folder}/${kind}-${name}.jsonl: ${list.length} rows\n`);
  }
}
