/** @file Which documents have ground truth, and which go to whom. */

import { describe, expect, it } from "vitest";
import { markGroundTruth, readGroundTruth, takeShare } from "./ground-truth.js";
import type { TransferDocument } from "./transfer-set.js";

const documents = Array.from({ length: 1000 }, (_, row) => {
  const key = (row * 2 ** 38 + row * 7919) % 2 ** 48;
  return { origin: { row, key, file: "rows.jsonl", line: row + 1 } } as TransferDocument;
});
const marked = (share: number) =>
  new Set(
    markGroundTruth(documents, share)
      .filter(({ hasGroundTruth }) => hasGroundTruth)
      .map(({ origin }) => origin.row),
  );

describe("markGroundTruth", () => {
  it("marks about the share, and keeps the rows of a smaller one", () => {
    const [few, many] = [marked(0.1), marked(0.5)];
    expect(few.size).toBeGreaterThan(70);
    expect(few.size).toBeLessThan(130);
    expect([...few].every((row) => many.has(row))).toBe(true);
    expect([marked(0).size, marked(1).size]).toEqual([0, 1000]);
  });

  it("marks all or none", () => {
    expect(markGroundTruth(documents, "all")).toBe(documents);
    expect(markGroundTruth(documents, "none").every(({ hasGroundTruth }) => hasGroundTruth === false)).toBe(true);
  });

  it("refuses a field that is true nowhere", () => {
    expect(() => markGroundTruth(documents, { field: "gold" })).toThrow(
      /expected "gold" to be true in some training row/,
    );
  });
});

describe("takeShare", () => {
  it("gives every document to one side, in an order that ground truth does not share", () => {
    const [taken, others] = takeShare(documents, 0.5, "weak");
    expect(taken.length + others.length).toBe(1000);
    expect(Math.abs(taken.length - 500)).toBeLessThan(60);
    const few = marked(0.5);
    expect(Math.abs(taken.filter(({ origin }) => few.has(origin.row)).length / taken.length - 0.5)).toBeLessThan(0.1);
  });
});

describe("readGroundTruth", () => {
  const read = (value: unknown) => readGroundTruth({ fields: { gold: value }, file: "rows.csv", line: 3 }, "gold");

  it("takes true and false, as values or words; what is missing is false", () => {
    expect([true, "true", false, "false", "", null, undefined].map(read)).toEqual([
      true,
      true,
      ...Array(5).fill(false),
    ]);
  });

  it("refuses anything else, by its place", () => {
    expect(() => read("yes")).toThrow(/rows\.csv:3: "gold" must be true or false, got "yes"/);
  });
});
