/**
 * @file Writes the rows of `configs/context-smollm2-persona.yaml` into `.limbeck/persona/`: a few hundred inputs of many kinds,
 * without responses, which the teacher writes (run after `npm run build`):
 *
 *     node scripts/make-persona-rows.mjs
 *
 * Held-out inputs are about other things than those that are trained on, and some are asked in ways that training never sees. The
 * passages come from the State of the Union addresses.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { createRandom, shuffle } from "../dist/data/index.js";
import { locateDataset, readDataset } from "../dist/recipes/quickstart-data.js";

const folder = ".limbeck/persona";
const counts = { train: 320, heldOut: 48 };
/** A passage is so many characters long at most, and ends with a sentence. */
const passageCharacters = 240;

/** @typedef {{ things: string[], people: string[], skills: string[], places: string[] }} Subjects */

/** @param {string} list */
const words = (list) => list.split(", ");

/** @type {Subjects} */
const trained = {
  things: words(
    "photosynthesis, gravity, inflation, a rainbow, electricity, the water cycle, a black hole, cheese, the heart, a volcano, democracy, jazz, a spider, chess, glass, an earthquake, the internet, honey, a bicycle, sleep, vaccines, a novel, salt, the sun, paper, a battery, memory, coffee, a bridge, winter, algebra, a mirror, money, soil, a violin, thunder, plastic, a rocket, dreams, steel",
  ),
  people: words(
    "Cleopatra, Isaac Newton, Marie Curie, William Shakespeare, Julius Caesar, Albert Einstein, Leonardo da Vinci, Charles Darwin, Joan of Arc, Mozart, George Washington, Galileo, Queen Victoria, Plato, Abraham Lincoln, Ada Lovelace",
  ),
  skills: words(
    "bake bread, learn Spanish, save money, grow tomatoes, write a good letter, run faster, sleep better, cook rice, paint a wall, make new friends, train a dog, remember names, fix a flat tire, give a speech, draw a face, plan a trip, clean a window, study for an exam, choose a gift, stop being late",
  ),
  places: words(
    "Paris, the desert, a library, Tokyo, a mountain, Egypt, a kitchen, Brazil, a hospital, the moon, a forest, Rome, a school, Iceland, a market, India",
  ),
};

/** @type {Subjects} */
const heldOut = {
  things: words(
    "a magnet, tea, the brain, an iceberg, justice, a piano, oxygen, a clock, bread, poetry, a desert fox, tax",
  ),
  people: words("Aristotle, Beethoven, Amelia Earhart, Genghis Khan, Florence Nightingale, Mark Twain"),
  skills: words("make soup, learn to swim, calm down, build a shelf, ask for a raise, keep a diary, wash a sweater"),
  places: words("London, a farm, Australia, an airport, Mexico, a museum"),
};

/** @type {((subjects: Subjects, pick: (list: string[]) => string, number: () => number) => string)[]} */
const kinds = [
  ({ things }, pick) => `What is ${pick(things)}?`,
  ({ things }, pick) => `Explain ${pick(things)} to a child.`,
  ({ things }, pick) => `Tell me something surprising about ${pick(things)}.`,
  ({ things }, pick) => `Write one sentence about ${pick(things)}.`,
  ({ things }, pick) => `Why is ${pick(things)} important?`,
  ({ things }, pick) => `Compare ${pick(things)} and ${pick(things)}.`,
  ({ people }, pick) => `Who was ${pick(people)}?`,
  ({ people }, pick) => `What can we learn from ${pick(people)}?`,
  ({ skills }, pick) => `How do I ${pick(skills)}?`,
  ({ skills }, pick) => `Give me one tip: how can I ${pick(skills)}?`,
  ({ places }, pick) => `Describe ${pick(places)} in the evening.`,
  ({ places }, pick) => `What would you take with you to ${pick(places)}?`,
  (_, _pick, number) => `What is ${number()} plus ${number()}?`,
  ({ things }, pick) => `Write a title for an article about ${pick(things)}.`,
];

/** Ways to ask that only held-out inputs have. @type {typeof kinds} */
const heldOutKinds = [
  ({ things }, pick) => `My daughter asked me about ${pick(things)} today. What should I say?`,
  ({ people }, pick) => `Imagine a talk with ${pick(people)}. What would you ask first?`,
  ({ skills }, pick) => `I never manage to ${pick(skills)}. Cheer me up.`,
  ({ places }, pick) => `Write a postcard from ${pick(places)}.`,
];

/**
 * @param {number} count @param {typeof kinds} ways @param {Subjects} subjects @param {string[]} passages @param {number} seed
 * @returns {string[]} different inputs, in turn of every kind
 */
function makeInputs(count, ways, subjects, passages, seed) {
  const random = createRandom(seed);
  /** @param {string[]} list */
  const pick = (list) => list[random.nextBelow(list.length)] ?? "";
  const number = () => 2 + random.nextBelow(48);
  const all = [...ways, () => `Say in other words what this means: "${pick(passages)}"`];
  /** @type {Set<string>} */
  const inputs = new Set();
  for (let i = 0; inputs.size < count; i++) inputs.add(all[i % all.length]?.(subjects, pick, number) ?? "");
  const order = Uint32Array.from([...inputs].keys());
  shuffle(order, random);
  return Array.from(order, (place) => [...inputs][place] ?? "");
}

/** @param {string} lines addresses as JSON lines @returns {string[]} the first sentences of some paragraphs */
function passagesOf(lines) {
  const texts = lines
    .trim()
    .split("\n")
    .map((line) => /** @type {{ text: string }} */ (JSON.parse(line)).text);
  const sentences = texts.flatMap((text) => text.match(/[A-Z][^.!?"]{60,}[.!?](?=\s)/g) ?? []);
  return sentences.map((sentence) => sentence.replace(/\s+/g, " ")).filter(({ length }) => length <= passageCharacters);
}

const text = await readDataset(locateDataset());
await mkdir(folder, { recursive: true });
const files = {
  train: makeInputs(counts.train, kinds, trained, passagesOf(text.train), 1),
  "held-out": makeInputs(counts.heldOut, [...kinds, ...heldOutKinds], heldOut, passagesOf(text.heldOut), 2),
};
for (const [name, inputs] of Object.entries(files)) {
  await writeFile(`${folder}/${name}.jsonl`, inputs.map((input) => `${JSON.stringify({ input })}\n`).join(""));
  process.stdout.write(`${folder}/${name}.jsonl: ${inputs.length} rows\n`);
}
