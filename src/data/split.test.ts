import { describe, expect, it } from "vitest";
import { encodeRows } from "./encode-rows.js";
import { countSharedRows, splitHeldOut } from "./split.js";
import type { TransferDocument } from "./transfer-set.js";

const encoding = { tokenizer: undefined, chatTemplate: undefined, sequenceLength: 16 };

async function documentsOf(rows: readonly (readonly number[])[]): Promise<readonly TransferDocument[]> {
  const sources = rows.map((tokenIds, index) => ({ fields: { tokenIds }, file: "rows.jsonl", line: index + 1 }));
  return (await encodeRows(sources, encoding)).documents;
}

const many = Array.from({ length: 2000 }, (_, i) => [i, i + 1]);
const contents = (documents: readonly TransferDocument[]) => documents.map(({ student }) => student.ids.join());

describe("splitHeldOut", () => {
  it("holds out about the asked share, each row on one side", async () => {
    const documents = await documentsOf(many);
    const { train, heldOut } = splitHeldOut(documents, 0.05);
    expect(heldOut.length).toBeGreaterThan(70);
    expect(heldOut.length).toBeLessThan(130);
    expect(train.length + heldOut.length).toBe(documents.length);
  });

  it("decides for a row whatever its place, its neighbours and the order of its fields", async () => {
    const { heldOut } = splitHeldOut(await documentsOf(many), 0.3);
    const reversed = splitHeldOut(await documentsOf([...many].reverse().slice(0, 1000)), 0.3);
    const kept = new Set(contents(heldOut));
    expect(contents(reversed.heldOut).every((content) => kept.has(content))).toBe(true);
    const place = { file: "", line: 1 };
    const [one, two] = (
      await encodeRows(
        [
          { fields: { tokenIds: [1, 2], id: "x" }, ...place },
          { fields: { id: "x", tokenIds: [1, 2] }, ...place },
        ],
        encoding,
      )
    ).documents;
    expect(one!.origin.key).toBe(two!.origin.key);
  });

  it("puts equal rows on the same side", async () => {
    const { train, heldOut } = splitHeldOut(await documentsOf([...many, ...many]), 0.5);
    const trained = new Set(contents(train));
    expect(contents(heldOut).some((content) => trained.has(content))).toBe(false);
  });

  it("gives each side a row when there are two different ones", async () => {
    for (const fraction of [0.001, 0.5, 0.999]) {
      for (let start = 0; start < 20; start++) {
        const { train, heldOut } = splitHeldOut(
          await documentsOf([
            [start, 1],
            [start, 2],
            [start, 2],
          ]),
          fraction,
        );
        expect(Math.min(train.length, heldOut.length)).toBeGreaterThan(0);
      }
    }
  });

  it("refuses to split one row, and holds out nothing at 0", async () => {
    const same = await documentsOf([
      [1, 2],
      [1, 2],
    ]);
    expect(() => splitHeldOut(same, 0.1)).toThrow(/at least two different rows, got 1/);
    expect(splitHeldOut(same, 0)).toEqual({ train: same, heldOut: [] });
  });
});

describe("countSharedRows", () => {
  it("counts held-out rows that are training rows", async () => {
    const train = await documentsOf([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(
      countSharedRows(
        train,
        await documentsOf([
          [3, 4],
          [3, 4],
          [7, 8],
        ]),
      ),
    ).toEqual({ shared: 1, heldOut: 2 });
    expect(countSharedRows(train, train)).toEqual({ shared: 3, heldOut: 3 });
  });
});
