import { afterAll, describe, expect, it } from "vitest";
import type { TransferDocument } from "../data/transfer-set.js";
import { liveProgramsForTests } from "../runtime/executor.js";
import { loadModelFolder } from "../weights/load-model.js";
import { measurePrecision } from "./measure-precision.js";

const teacher = new URL("../../test/golden/training/teacher", import.meta.url).pathname;

afterAll(() => expect(liveProgramsForTests()).toBe(0));

/** A document whose student sees less than its teacher. */
function makeDocument(row: number): TransferDocument {
  const ids = Int32Array.from({ length: 24 }, (_, i) => (i * 7 + row * 5) % 60);
  const responseMask = Uint8Array.from(ids, (_, i) => (i >= 12 ? 1 : 0));
  const student = { ids: ids.slice(8), responseMask: responseMask.slice(8) };
  return {
    student,
    teacher: { ids, responseMask },
    responseTokens: 12,
    responseBytes: undefined,
    origin: { file: "rows.jsonl", line: row + 1, row, key: row },
  };
}

describe("measurePrecision", () => {
  it("states how far a teacher in 8 bits is from itself in float32, and further in 4, on all that few rows have", async () => {
    const documents = Array.from({ length: 6 }, (_, row) => makeDocument(row));
    const options = { sequenceLength: 16, threads: 1 };
    const cost = async (precision: "int8" | "int4") =>
      measurePrecision(await loadModelFolder(teacher, { precision }), precision, documents, options);
    const [int8, int4] = [await cost("int8"), await cost("int4")];
    expect(int8).toMatchObject({ precision: "int8", tokens: 72 });
    expect(int8!.klFromFloat32.value).toBeGreaterThan(0);
    expect(int8!.klFromFloat32.value).toBeLessThan(int4!.klFromFloat32.value);
    expect(int8!.klFromFloat32.value).toBeLessThan(1e-2);
  });

  it("takes rows at equal distances from many, about 2,000 tokens", async () => {
    const documents = Array.from({ length: 500 }, (_, row) => makeDocument(row));
    const model = await loadModelFolder(teacher, { precision: "int8" });
    const cost = await measurePrecision(model, "int8", documents, { sequenceLength: 256, threads: 1 });
    expect(cost!.tokens).toBeGreaterThan(1900);
    expect(cost!.tokens).toBeLessThan(2100);
  });
});
