import { describe, expect, it } from "vitest";
import { makeBatch, planEpoch, type Span, type TransferDocument } from "../data/index.js";
import { loadModelFolder } from "../weights/load-model.js";
import { makeLocalTeacher } from "./local-teacher.js";
import { cutPrefix, teacherPrefix } from "./shared-prefix.js";

const golden = new URL("../../test/golden/models/", import.meta.url).pathname;

const context = Array.from({ length: 48 }, (_, i) => (11 * i + 5) % 96);
const origin = { file: "rows.jsonl", line: 1, row: 0, key: 0 };

function span(prompt: readonly number[], response: readonly number[]): Span {
  return {
    ids: Int32Array.from([...prompt, ...response]),
    responseMask: Uint8Array.from([...prompt.map(() => 0), ...response.map(() => 1)]),
  };
}

/** Seven documents of unequal inputs and responses behind one context. */
const documents: TransferDocument[] = Array.from({ length: 7 }, (_, i) => {
  const input = Array.from({ length: 2 + ((3 * i) % 5) }, (_, j) => (31 * i + 7 * j) % 96);
  const response = Array.from({ length: 1 + (i % 4) }, (_, j) => (17 * i + 3 * j) % 96);
  return {
    student: span(input, response),
    teacher: span([...context, ...input], response),
    responseTokens: response.length,
    responseBytes: undefined,
    origin,
  };
});

const layout = (packing: boolean) => ({ sequenceLength: 20, packing, shuffle: false, seed: 0, epoch: 0 });

describe("a teacher that reads a shared context once", () => {
  it.each([
    ["llama-gqa-tied", true],
    ["llama-gqa-tied", false],
    ["mistral-sliding-window", true],
    ["qwen3-sliding-window", true],
  ])("says the same as one that reads every document whole: %s, packing %s", async (name, packing) => {
    const model = await loadModelFolder(`${golden}${name}`);
    const prefix = teacherPrefix(documents)!;
    expect(prefix.length).toBeGreaterThanOrEqual(context.length);
    const plan = planEpoch(documents, layout(packing));
    const batch = makeBatch(documents, plan.sequences, plan);
    const options = { positionCount: 256, threads: 1 };
    const whole = await makeLocalTeacher(model, options);
    const shared = await makeLocalTeacher(model, { ...options, prefix });
    const expected = await whole.signal(batch);
    for (let turn = 0; turn < 2; turn++) {
      expect((await shared.signal(batch)).hidden).toBeAllClose(expected.hidden, { relative: 1e-5, absolute: 1e-5 });
    }
    await whole.dispose();
    await shared.dispose();
  });

  it("reads the context again when its weights have changed", async () => {
    const model = await loadModelFolder(`${golden}llama-gqa-tied`);
    const prefix = teacherPrefix(documents)!;
    const batch = makeBatch(documents, [[0, 3]], { sequenceLength: 64, packing: true });
    const options = { positionCount: 128, threads: 1 };
    const shared = await makeLocalTeacher(model, { ...options, prefix });
    await shared.signal(batch);
    for (const { data } of model.weights.values()) {
      for (let i = 0; i < data.length; i += 3) data[i] = (data[i] as number) * 1.25;
    }
    shared.weightsChanged();
    const whole = await makeLocalTeacher(model, options);
    expect((await shared.signal(batch)).hidden).toBeAllClose((await whole.signal(batch)).hidden, {
      relative: 1e-5,
      absolute: 1e-5,
    });
    await whole.dispose();
    await shared.dispose();
  });

  it("keeps only what follows the context, and leaves positions as they were", () => {
    const batch = makeBatch(documents, [[0, 1], [2]], { sequenceLength: 8, packing: true });
    const { tokens, rowIndex } = cutPrefix(batch, Int32Array.from(context));
    expect(tokens.sequences * tokens.tokens).toBeLessThan(batch.teacher.ids.length / 3);
    const kept = tokens.positions.filter((_, i) => tokens.documents[i]! >= 0);
    expect(Math.min(...kept)).toBe(context.length);
    for (const [row, at] of rowIndex.entries()) {
      const was = batch.rows.teacherIndex[row]!;
      expect([tokens.ids[at], tokens.positions[at]]).toEqual([batch.teacher.ids[was], batch.teacher.positions[was]]);
    }
  });

  it("finds no context where there is too little in common, or one document alone", () => {
    expect(teacherPrefix(documents.slice(0, 1))).toBeUndefined();
    expect(teacherPrefix(documents.map((each) => ({ ...each, teacher: each.student })))).toBeUndefined();
  });
});
