/** @file What training computes in float32 is what the golden numbers say, for every divergence, probabilities that underflow included. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { gradients } from "../../src/autodiff/index.js";
import * as g from "../../src/graph/index.js";
import { objectiveRows } from "../../src/losses/objective.js";
import { type Objective, objectiveSchema } from "../../src/losses/options.js";
import { compile, float32Tensor } from "../../src/runtime/index.js";

interface Case {
  readonly name: string;
  readonly input: {
    readonly teacher?: { readonly logits?: readonly (readonly number[])[] };
    readonly student: { readonly logits?: readonly (readonly number[])[] };
    readonly responseMask?: readonly number[];
    readonly objective: unknown;
  };
  readonly expected: { readonly rows: readonly number[]; readonly gradient: readonly (readonly number[])[] };
}

const read = (name: string): readonly Case[] =>
  (JSON.parse(readFileSync(new URL(`../golden/${name}`, import.meta.url), "utf8")) as { cases: readonly Case[] }).cases;

/** Whole distributions given as logits, without hard labels; every row counts. */
const cases = [...read("losses.json"), ...read("divergences.json")].filter(({ input }) => {
  const isSoft = Object.keys(input.objective as object).join() === "soft";
  return isSoft && input.teacher?.logits && input.student.logits && !input.responseMask;
});

async function inFloat32(objective: Objective, student: number[][], teacher: number[][]) {
  const graph = new g.Graph();
  const input = (name: string, table: number[][]) => graph.input(name, "float32", [table.length, table[0]!.length]);
  const tensor = (table: number[][]) =>
    float32Tensor([table.length, table[0]!.length], Float32Array.from(table.flat()));
  const studentLogits = input("student", student);
  const { soft } = objectiveRows(objective, {
    studentLogits,
    teacher: { kind: "dense", logits: input("teacher", teacher) },
    targetIds: undefined,
  });
  const rows = g.mul(soft!, objective.soft!.weight as number);
  const [gradient] = gradients(g.reduceMean(rows), [studentLogits]);
  const program = await compile(graph, { rows, gradient: gradient! });
  try {
    const outputs = await program.run({ student: tensor(student), teacher: tensor(teacher) });
    return { rows: outputs.rows.data as Float32Array, gradient: outputs.gradient.data as Float32Array };
  } finally {
    await program.dispose();
  }
}

describe("every divergence in float32", () => {
  it.each(cases)("$name", async ({ input, expected }) => {
    const objective = objectiveSchema.parse(input.objective);
    const [student, teacher] = [input.student.logits, input.teacher!.logits] as [number[][], number[][]];
    const result = await inFloat32(objective, student, teacher);
    const size = (values: readonly number[]) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    const slopes = expected.gradient.flat();
    expect(result.rows).toBeAllClose(expected.rows, { relative: 1e-5, absolute: 1e-6 * size(expected.rows) });
    expect(result.gradient).toBeAllClose(slopes, { relative: 1e-5, absolute: 2e-6 * size(slopes) });
  });
});
