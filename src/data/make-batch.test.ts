import { describe, expect, it } from "vitest";
import { makeBatch } from "./make-batch.js";
import { planEpoch } from "./plan.js";
import type { Span, TransferDocument } from "./transfer-set.js";

const span = (ids: number[], mask: number[]): Span => ({
  ids: Int32Array.from(ids),
  responseMask: Uint8Array.from(mask),
});

function documentOf(student: Span, teacher = student): TransferDocument {
  const responseTokens = student.responseMask.reduce((sum, value) => sum + value, 0);
  return { student, teacher, responseTokens, responseBytes: undefined, origin: { file: "", line: 1, row: 0, key: 0 } };
}

const layout = { sequenceLength: 6, packing: true };

describe("makeBatch", () => {
  const documents = [
    documentOf(span([11, 12, 13], [0, 1, 1])),
    documentOf(span([21, 22, 0, 0], [0, 0, 1, 1])),
    documentOf(span([31, 32], [0, 1])),
  ];

  it("lays packed documents out with their own positions and numbers", () => {
    const { student, teacher, rows } = makeBatch(documents, [[0, 2], [1]], layout);
    expect(student).toEqual({
      sequences: 2,
      tokens: 6,
      ids: Int32Array.of(11, 12, 13, 31, 32, 0, 21, 22, 0, 0, 0, 0),
      positions: Int32Array.of(0, 1, 2, 0, 1, 0, 0, 1, 2, 3, 0, 0),
      documents: Int32Array.of(0, 0, 0, 1, 1, -1, 0, 0, 0, 0, -1, -1),
    });
    expect(teacher).toBe(student);
    expect(rows).toEqual({
      count: 5,
      studentIndex: Int32Array.of(0, 1, 7, 8, 3),
      teacherIndex: Int32Array.of(0, 1, 7, 8, 3),
      targetIds: Int32Array.of(12, 13, 0, 0, 32),
      weights: new Float32Array(5).fill(1),
      documents: Int32Array.of(0, 0, 1, 1, 2),
      offsets: Int32Array.of(0, 1, 0, 1, 0),
    });
  });

  it("is as wide as the longest document without packing", () => {
    const { student } = makeBatch(documents, [[2], [0]], { ...layout, packing: false });
    expect([student.sequences, student.tokens]).toEqual([2, 3]);
    expect([...student.documents]).toEqual([0, 0, -1, 0, 0, 0]);
  });

  it("orders rows by document, whatever the order of the sequences", () => {
    const { rows } = makeBatch(documents, [[2], [1], [0]], layout);
    expect([...rows.documents]).toEqual([0, 0, 1, 1, 2]);
    expect([...rows.studentIndex]).toEqual([12, 13, 7, 8, 0]);
  });

  it("packs the teacher's longer views on their own and ties both sides by response offset", () => {
    const twoViews = [
      documentOf(span([1, 91, 92], [0, 1, 1]), span([5, 6, 7, 8, 1, 91, 92], [0, 0, 0, 0, 0, 1, 1])),
      documentOf(span([2, 93], [0, 1]), span([9, 2, 93], [0, 0, 1])),
    ];
    const { student, teacher, rows } = makeBatch(twoViews, [[0, 1]], layout);
    expect([student.sequences, student.tokens]).toEqual([1, 6]);
    expect([teacher.sequences, teacher.tokens]).toEqual([2, 7]);
    expect([...rows.studentIndex]).toEqual([0, 1, 3]);
    expect([...rows.teacherIndex]).toEqual([4, 5, 8]);
    for (let row = 0; row < rows.count; row++) {
      expect(student.ids[rows.studentIndex[row]! + 1]).toBe(rows.targetIds[row]);
      expect(teacher.ids[rows.teacherIndex[row]! + 1]).toBe(rows.targetIds[row]);
    }
  });

  it("refuses a document whose views learn different tokens", () => {
    const broken = [documentOf(span([1, 2], [0, 1]), span([1, 3], [0, 1]))];
    expect(() => makeBatch(broken, [[0]], layout)).toThrow(/internal: a document's two views learn different ids/);
  });

  it("follows a plan", () => {
    const plan = planEpoch(documents, { ...layout, shuffle: true, seed: 1, epoch: 0 });
    expect(makeBatch(documents, plan.sequences, plan).rows.count).toBe(5);
  });
});
