/** @file Context distillation follows PyTorch from both views, packed and unpacked. Golden: test/golden/scripts/make_context.py. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Span, TransferDocument } from "../../src/data/index.js";
import { loadModelFolder } from "../../src/weights/load-model.js";
import { golden } from "../support/limbeck.js";
import { oneStep, teacherOf } from "../support/one-step.js";

interface View {
  readonly tokenIds: readonly number[];
  readonly responseMask: readonly number[];
}

interface Case {
  readonly name: string;
  readonly teacher: string;
  readonly student: string;
  readonly rows: readonly { readonly teacher: View; readonly student: View; readonly response: readonly number[] }[];
  readonly step: {
    readonly loss: number;
    readonly terms: Record<"soft" | "hard", number>;
    readonly gradientNorm: number;
  };
}

const { cases } = JSON.parse(readFileSync(`${golden}context.json`, "utf8")) as { cases: readonly Case[] };

const spanOf = ({ tokenIds, responseMask }: View): Span => ({
  ids: Int32Array.from(tokenIds),
  responseMask: Uint8Array.from(responseMask),
});

function documentsOf({ rows }: Case): TransferDocument[] {
  const origin = { file: "rows.jsonl", line: 1, row: 0, key: 0 };
  return rows.map(({ teacher, student, response }) => ({
    student: spanOf(student),
    teacher: spanOf(teacher),
    responseTokens: response.length,
    responseBytes: undefined,
    origin,
  }));
}

describe.each(cases)("$name", (expected) => {
  it.each([
    ["unpacked", 0, [[[0], [1], [2], [3], [4]]]],
    [
      "packed",
      32,
      [
        [
          [0, 1],
          [2, 3, 4],
        ],
      ],
    ],
    ["packed, in two micro-batches", 40, [[[1, 4, 2]], [[3], [0]]]],
  ] as const)("gives PyTorch's loss, terms and gradient norm, %s", async (_, sequenceLength, microBatches) => {
    const teacher = await teacherOf(await loadModelFolder(`${golden}${expected.teacher}`));
    const { loss, terms, gradientNorm } = await oneStep({
      student: await loadModelFolder(`${golden}${expected.student}`),
      teacher,
      documents: documentsOf(expected),
      objective: { soft: { weight: 0.7 }, hard: { weight: 0.3 } },
      microBatches,
      sequenceLength,
    });
    await teacher.dispose();
    const { step } = expected;
    expect([loss, terms.soft!, terms.hard!, gradientNorm]).toBeAllClose(
      [step.loss, step.terms.soft, step.terms.hard, step.gradientNorm],
      { relative: 1e-4 },
    );
  });
});
