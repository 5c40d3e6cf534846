/**
 * @file What the subpath exports promise to a TypeScript user. Compiled against the built declarations, as an installed
 * package's would be; never run. `npm run types` checks it.
 */

import type { gradients } from "limbeck/autodiff";
import { type DistillationBatch, type loadTokenizer, readRows, type SourceRow, type Tokenizer } from "limbeck/data";
import type { makeTokenGenerator, TokenGenerator } from "limbeck/generation";
import { add, Graph, matMul, reduceSum, softmax, type Value } from "limbeck/graph";
import { type computeLoss, type Divergence, defineDivergence, type LossResult } from "limbeck/losses";
import { compile, float32Tensor, type HostTensor, type Program } from "limbeck/runtime";
import { openModelFolder, openSafetensors, writeSafetensors } from "limbeck/weights";
import { z } from "zod";
import { type Equal, expectTrue } from "./expect-true.js";

// limbeck/graph: ops take values or numbers, and return values
const graph = new Graph();
const hidden = graph.input("hidden", "float32", ["rows", 4]);
const probabilities = softmax(matMul(hidden, hidden, { transposeB: true }));
expectTrue<Equal<typeof probabilities, Value>>();
add(probabilities, 1);
// @ts-expect-error: an operand is a value or a number
add(probabilities, "1");
// @ts-expect-error: the dtype is one of a closed list
graph.input("ids", "int16", [4]);
// @ts-expect-error: the graph of a value cannot be exchanged
probabilities.graph = graph;

// limbeck/autodiff: one gradient per value asked for
expectTrue<Equal<ReturnType<typeof gradients>, Value[]>>();

// limbeck/runtime: a program returns what was asked of it, by name
const program = await compile(graph, { loss: reduceSum(probabilities) });
expectTrue<Equal<typeof program, Program<"loss">>>();
const outputs = await program.run({ hidden: float32Tensor([1, 4], new Float32Array(4)) });
expectTrue<Equal<typeof outputs, Record<"loss", HostTensor>>>();
// @ts-expect-error: nothing of this name was compiled
outputs.accuracy;
// @ts-expect-error: a device that this release does not have
await compile(graph, {}, { device: "cuda" });

// limbeck/generation: a generator of tokens
expectTrue<Equal<ReturnType<typeof makeTokenGenerator>, Promise<TokenGenerator>>>();

// limbeck/losses: a divergence's own options reach it with the types of its schema
const scaled = defineDivergence({
  name: "scaled",
  accepts: ["hidden", "dense"],
  options: z.strictObject({ scale: z.number() }),
  rows: ({ student, options }) => {
    expectTrue<Equal<typeof options, { scale: number }>>();
    return reduceSum(student.probabilities, { axes: [-1] });
  },
});
expectTrue<Equal<typeof scaled, Divergence<{ scale: number }>>>();
// @ts-expect-error: a divergence says which signals it accepts
defineDivergence({ name: "incomplete", rows: ({ student }) => student.logProbs });
expectTrue<Equal<ReturnType<typeof computeLoss>, Promise<LossResult>>>();

// limbeck/data: rows are streamed
for await (const row of readRows("rows.jsonl")) {
  expectTrue<Equal<typeof row, SourceRow>>();
  expectTrue<Equal<typeof row.fields, Readonly<Record<string, unknown>>>>();
}
expectTrue<Equal<ReturnType<typeof loadTokenizer>, Promise<Tokenizer>>>();
declare const batch: DistillationBatch;
expectTrue<Equal<typeof batch.rows.targetIds, Int32Array>>();
declare const otherBatch: typeof batch;
// @ts-expect-error: batches are read-only
batch.rows = otherBatch.rows;

// limbeck/weights: every tensor is read as float32
const file = await openSafetensors("model.safetensors");
expectTrue<Equal<Awaited<ReturnType<typeof file.readFloat32>>, Float32Array>>();
const folder = await openModelFolder("model");
expectTrue<Equal<typeof folder.config, Readonly<Record<string, unknown>>>>();
// @ts-expect-error: a dtype that is not written
await writeSafetensors("out.safetensors", [], { dtype: "int8" });
