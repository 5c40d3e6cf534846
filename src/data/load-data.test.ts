import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadData } from "./load-data.js";
import { dataOptionsSchema } from "./options.js";
import { measureDocuments } from "./transfer-set.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "limbeck-data-"));
  const lines = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).join("\n");
  const rows = Array.from({ length: 200 }, (_, i) => ({ tokenIds: [i, i + 1, i + 2] }));
  await writeFile(join(folder, "train.jsonl"), lines(rows));
  await writeFile(join(folder, "other.jsonl"), lines([{ tokenIds: [900, 901] }, { tokenIds: [1] }]));
});
afterAll(() => rm(folder, { recursive: true }));

const encoding = { tokenizer: undefined, chatTemplate: undefined, sequenceLength: 2 };
const load = (data: Record<string, unknown>) =>
  loadData(dataOptionsSchema.parse({ train: join(folder, "train.jsonl"), ...data }), encoding);

describe("loadData", () => {
  it("holds out 5 % of the training rows by default, and nothing at fraction 0", async () => {
    const { train, heldOut } = await load({});
    expect(train.length + heldOut.length).toBe(200);
    expect(heldOut.length).toBeGreaterThan(2);
    expect(heldOut.length).toBeLessThan(20);
    expect((await load({ heldOutFraction: 0 })).heldOut).toEqual([]);
  });

  it("reads held-out rows from their own files, and warns about rows that were not used as written", async () => {
    const { train, heldOut, warnings, report } = await load({ heldOut: join(folder, "other.jsonl") });
    expect([train.length, heldOut.length]).toEqual([200, 1]);
    expect(report.heldOut?.rowsWithoutResponse).toBe(1);
    expect(warnings.map(({ code }) => code)).toEqual(["long-rows", "rows-without-response"]);
  });

  it("warns when held-out rows are training rows", async () => {
    const { warnings } = await load({ heldOut: join(folder, "*.jsonl") });
    expect(warnings.at(-1)).toEqual({
      code: "held-out-rows-in-train",
      message: "200 of 201 held-out rows are training rows too: what is measured on them says little about new text.",
    });
  });
});

describe("measureDocuments", () => {
  it("adds up tokens, learned tokens and bytes", async () => {
    const { heldOut } = await load({ heldOut: join(folder, "other.jsonl") });
    expect(measureDocuments(heldOut)).toEqual({
      documents: 1,
      tokens: 2,
      teacherTokens: 2,
      responseTokens: 1,
      responseBytes: undefined,
    });
    expect(measureDocuments([]).responseBytes).toBe(0);
  });
});
