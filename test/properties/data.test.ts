import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  encodeRows,
  loadTokenizer,
  makeBatch,
  makePrompt,
  planEpoch,
  type TransferDocument,
} from "../../src/data/index.js";

const tokenizer = await loadTokenizer("test/golden/tokenizers/chatml");
const options = { seed: 20_250_101, numRuns: 100 };

/** Rows of token ids, with and without masks; the end token is the padding id 0 as often as not. */
const tokenRows = fc.array(
  fc
    .array(fc.record({ id: fc.integer({ min: 0, max: 5 }), learned: fc.integer({ min: 0, max: 1 }) }), {
      minLength: 2,
      maxLength: 12,
    })
    .map((tokens) => ({
      tokenIds: tokens.map(({ id }) => id),
      responseMask: tokens.map(({ learned }, index) => (index === tokens.length - 1 ? 1 : learned)),
    })),
  { minLength: 1, maxLength: 30 },
);

const layouts = fc.record({
  sequenceLength: fc.integer({ min: 4, max: 30 }),
  packing: fc.boolean(),
  shuffle: fc.boolean(),
  seed: fc.integer(),
  epoch: fc.nat({ max: 5 }),
});

async function documentsOf(rows: readonly Record<string, unknown>[], sequenceLength = 1000, text = false) {
  const sources = rows.map((fields, index) => ({ fields, file: "rows.jsonl", line: index + 1 }));
  const encoding = { tokenizer: text ? tokenizer : undefined, chatTemplate: undefined, sequenceLength };
  return (await encodeRows(sources, encoding)).documents;
}

/** Every scored token of an epoch as "document, position in it, target", read back from the batches. */
function scoredTokens(documents: readonly TransferDocument[], layout: Parameters<typeof planEpoch>[1], size: number) {
  const plan = planEpoch(documents, layout);
  const scored: string[] = [];
  for (let from = 0; from < plan.sequences.length; from += size) {
    const { student, rows } = makeBatch(documents, plan.sequences.slice(from, from + size), plan);
    for (let row = 0; row < rows.count; row++) {
      const at = rows.studentIndex[row]!;
      expect(student.ids[at + 1]).toBe(rows.targetIds[row]);
      expect(student.documents[at]).toBe(student.documents[at + 1]);
      scored.push([rows.documents[row], student.positions[at]! + 1, rows.targetIds[row]].join());
    }
  }
  return scored;
}

const expectedTokens = (documents: readonly TransferDocument[]) =>
  documents.flatMap(({ student }, index) =>
    [...student.ids].flatMap((id, i) => (student.responseMask[i] === 1 ? [[index, i, id].join()] : [])),
  );

describe("data", () => {
  it("scores every learned token of an epoch exactly once, packed or not, shuffled or not, in any batches", async () => {
    await fc.assert(
      fc.asyncProperty(tokenRows, layouts, fc.integer({ min: 1, max: 5 }), async (rows, layout, size) => {
        const documents = await documentsOf(rows);
        expect(scoredTokens(documents, layout, size).sort()).toEqual(expectedTokens(documents).sort());
      }),
      options,
    );
  });

  it("keeps the last token a target though its id is the padding's", async () => {
    await fc.assert(
      fc.asyncProperty(tokenRows, layouts, async (rows, layout) => {
        const documents = await documentsOf(rows.map(({ tokenIds }) => ({ tokenIds: [...tokenIds, 0] })));
        const scored = new Set(scoredTokens(documents, layout, 3));
        for (const [index, { student }] of documents.entries()) {
          expect(scored).toContain([index, student.ids.length - 1, 0].join());
        }
      }),
      options,
    );
  });

  it("plans a permutation of the documents, the same for the same seed and epoch", async () => {
    await fc.assert(
      fc.asyncProperty(tokenRows, layouts, async (rows, layout) => {
        const documents = await documentsOf(rows);
        const plan = planEpoch(documents, layout);
        expect(plan.sequences.flat().sort((a, b) => a - b)).toEqual([...documents.keys()]);
        expect(planEpoch(documents, layout)).toEqual(plan);
        if (!layout.shuffle)
          expect(planEpoch(documents, { ...layout, seed: 1, epoch: 9 }).sequences).toEqual(plan.sequences);
      }),
      options,
    );
  });

  it("learns every token of a text but the first exactly once, however it is split", async () => {
    const texts = fc.array(fc.string({ unit: "binary", minLength: 2, maxLength: 60 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(texts, fc.integer({ min: 2, max: 20 }), async (all, sequenceLength) => {
        const rows = all.map((text) => ({ text: `x${text}` }));
        const documents = await documentsOf(rows, sequenceLength, true);
        for (const [row, { text }] of rows.entries()) {
          const learned = documents
            .filter(({ origin }) => origin.row === row)
            .flatMap(({ student }) => [...student.ids].filter((_, i) => student.responseMask[i] === 1));
          expect(learned).toEqual([...tokenizer.encode(text), tokenizer.endTokenId!].slice(1));
        }
      }),
      options,
    );
  });

  it("scores the same response tokens after every prompt, on both sides", async () => {
    const word = fc.string({ unit: "grapheme", maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(
        word,
        word,
        word.filter((text) => text !== ""),
        async (context, input, response) => {
          const prompts = {
            teacher: makePrompt("{{ context }}\n{{ input }}\n", "teacher.prompt"),
            student: makePrompt("{{ input }}\n", "student.prompt"),
          };
          const source = { fields: { context, input, response }, file: "rows.jsonl", line: 1 };
          const encoding = { tokenizer, chatTemplate: undefined, sequenceLength: 1000, prompts };
          const { documents } = await encodeRows([source], encoding);
          const { rows } = makeBatch(documents, [[0]], { sequenceLength: 8, packing: true });
          const expected = tokenizer.encode(response);
          if (expected.at(-1) !== tokenizer.endTokenId) expected.push(tokenizer.endTokenId!);
          expect([...rows.targetIds]).toEqual(expected);
        },
      ),
      options,
    );
  });
});
