/** @file Weights from fields of rows. */

import { describe, expect, it } from "vitest";
import { encodeRows, originOf } from "./encode-rows.js";
import { expectWeights, weighRows } from "./row-weights.js";
import type { SourceRow } from "./source-row.js";

const rowsOf = (...fields: readonly Record<string, unknown>[]): SourceRow[] =>
  fields.map((each, i) => ({ file: "rows.jsonl", line: i + 1, fields: each }));

async function all(rows: AsyncIterable<SourceRow>): Promise<SourceRow[]> {
  const found: SourceRow[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

describe("weighRows", () => {
  it("reads numbers, and text of CSV files; 1 where the field is missing or empty", async () => {
    const rows = rowsOf({ w: 2.5 }, { w: "0.5" }, {}, { w: "" }, { w: null });
    expect((await all(weighRows(rows, "w"))).map(({ weight }) => weight?.value)).toEqual([2.5, 0.5, 1, 1, 1]);
  });

  it("leaves out rows of weight 0, and tells of each", async () => {
    let left = 0;
    const rows = await all(weighRows(rowsOf({ w: 0 }, { w: 1 }, { w: "0" }), "w", () => left++));
    expect(rows.map(({ line }) => line)).toEqual([2]);
    expect(left).toBe(2);
  });

  it.each([-1, Number.POSITIVE_INFINITY, "much", true, " "])("refuses the weight %j by line and name", async (w) => {
    await expect(all(weighRows(rowsOf({ w: 1 }, { w }), "w"))).rejects.toThrow(
      /rows.jsonl:2: "w" must be a weight of at least 0, got/,
    );
  });

  it("leaves the row's key alone, so that it stays on its side of the split", async () => {
    const [one] = await all(weighRows(rowsOf({ text: "a", w: 1 }), "w"));
    const [two] = await all(weighRows(rowsOf({ text: "a", w: 2 }), "w"));
    const [none] = rowsOf({ text: "a" });
    expect(originOf(one!, 0).key).toBe(originOf(none!, 0).key);
    expect(originOf(two!, 0)).toEqual({ ...originOf(none!, 0), weight: 2 });
  });

  it("weighs every document of a row alike", async () => {
    const rows = rowsOf({ tokenIds: [1, 2, 3], w: 4 });
    const encoding = { tokenizer: undefined, chatTemplate: undefined, sequenceLength: 8 };
    const { documents } = await encodeRows(weighRows(rows, "w"), encoding);
    expect(documents.map(({ origin }) => origin.weight)).toEqual([4]);
  });
});

describe("expectWeights", () => {
  it("refuses training rows of which none has the field", async () => {
    await expect(all(expectWeights(rowsOf({ text: "a" }), "wieght"))).rejects.toThrow(
      'expected the weight of some training row in the field "wieght", got none',
    );
    expect(await all(expectWeights(rowsOf({}, { w: 1 }), "w"))).toHaveLength(2);
    expect(await all(expectWeights(rowsOf({}), undefined))).toHaveLength(1);
  });
});
