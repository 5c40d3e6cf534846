/** @file What the numbers were measured on, and what they mean. */

import { formatPercent } from "../format.js";
import { type ModelRole, modelOf, type Report, type SplitFacts } from "../report.js";
import { html, type Markup } from "./markup.js";
import { section } from "./section.js";

/** Rows and tokens of both splits. */
export function dataFacts({ data }: Report): Markup {
  const split = (name: string, use: string, { rows, tokens, responseTokens, droppedRows }: SplitFacts) => [
    { name: `${name} rows`, value: whole(rows) + (droppedRows > 0 ? `, and ${whole(droppedRows)} dropped` : "") },
    { name: `${name} tokens`, value: `${whole(tokens)}, of which ${whole(responseTokens)} ${use}` },
  ];
  const facts = [
    ...split("Training", "learned", data.train),
    ...split("Held-out", "scored", data.heldOut),
    { name: "Positions left empty by packing", value: formatPercent(data.waste) },
  ];
  return section("The data", null, [
    html`<dl class="facts">${facts.map(({ name, value }) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`,
  ]);
}

interface Definition {
  readonly term: string;
  readonly meaning: string;
  /** Left out where the report has no such model. */
  readonly needs?: ModelRole;
}

const definitions: readonly Definition[] = [
  {
    term: "Perplexity",
    meaning:
      "The exponential of the mean loss: as unsure as a choice between so many equally likely tokens. Compare only models " +
      "with one tokenizer.",
  },
  {
    term: "KL, nats per token",
    needs: "teacher",
    meaning:
      "How far the model's whole distribution is from the teacher's: KL(teacher ‖ model), natural logarithm. 0 is a perfect copy.",
  },
  {
    term: "Top-1 agreement",
    needs: "teacher",
    meaning: "How often the model's most likely token is also the teacher's, whatever the text says.",
  },
  {
    term: "Bits per byte",
    meaning: "The loss in bits, divided by the bytes of the text: comparable across tokenizers.",
  },
  {
    term: "95 % interval",
    meaning:
      "From 1,000 bootstrap resamples of whole held-out rows. It speaks of other rows like these, not of other seeds or " +
      "other training runs.",
  },
  {
    term: "Bare teacher",
    needs: "teacher-without-context",
    meaning:
      "The teacher given what the students are given: what the context is worth to it. Its KL, like all others, is from itself with " +
      "the context.",
  },
  {
    term: "Twin",
    needs: "twin",
    meaning:
      "The same student from the same start, on the same data in the same order for as many steps, without the teacher. " +
      "What the student has over it is the teacher's part.",
  },
];

/** How to read the numbers that this report has. */
export function howToRead(report: Report): Markup {
  const needed = definitions.filter(({ needs }) => needs === undefined || modelOf(report, needs) !== undefined);
  return section("How to read the numbers", null, [
    html`<dl class="reading">${needed.map(({ term, meaning }) => html`<div><dt>${term}</dt><dd>${meaning}</dd></div>`)}</dl>`,
  ]);
}

function whole(count: number): string {
  return count.toLocaleString("en-US");
}
