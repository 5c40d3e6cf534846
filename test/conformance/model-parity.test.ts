/** @file Every architecture scores as PyTorch does, alone and packed. Golden: test/golden/scripts/make_models.py. */

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Graph } from "../../src/graph/index.js";
import { gatherElements, logSoftmax, matMul, reshape } from "../../src/graph/ops/index.js";
import { placeModel } from "../../src/models/model-graph.js";
import { compile, int32Tensor } from "../../src/runtime/index.js";
import { loadModelFolder } from "../../src/weights/load-model.js";

const folder = new URL("../golden/models/", import.meta.url).pathname;
const names = readdirSync(folder).filter((name) => !name.includes("."));

interface Golden {
  readonly inputIds: readonly (readonly number[])[];
  readonly nextTokenLogProbs: readonly (readonly number[])[];
  readonly documents: readonly {
    readonly inputIds: readonly number[];
    readonly nextTokenLogProbs: readonly number[];
  }[];
}

/** Log-prob of each next token of sequences of equal length, documents packed one after the other. */
async function scoreSequences(
  path: string,
  sequences: readonly (readonly (readonly number[])[])[],
): Promise<number[][]> {
  const model = await loadModelFolder(path);
  const length = sequences[0]!.flat().length;
  const graph = new Graph();
  const { tokens, hidden, headWeight } = placeModel(graph, model, { positionCount: length });
  const logits = matMul(hidden, headWeight, { transposeB: true });
  const next = graph.input("next", "int32", ["sequences", "tokens"]);
  const logProbs = gatherElements(logSoftmax(logits), reshape(next, ["sequences*tokens", 1]));
  const program = await compile(graph, { logProbs });
  const dims = [sequences.length, length];
  const feed = (values: number[]) => int32Tensor(dims, Int32Array.from(values));
  const { logProbs: output } = await program.run({
    ...Object.fromEntries(model.weights),
    [tokens.ids.name]: feed(sequences.flat(2)),
    [tokens.positions.name]: feed(sequences.flatMap((documents) => documents.flatMap((ids) => ids.map((_, i) => i)))),
    [tokens.documents.name]: feed(sequences.flatMap((documents) => documents.flatMap((ids, i) => ids.map(() => i)))),
    next: feed(sequences.flatMap((documents) => [...documents.flat().slice(1), 0])),
  });
  await program.dispose();
  return sequences.map((_, i) => Array.from(output.data.subarray(i * length, (i + 1) * length) as Float32Array));
}

describe.each(names)("%s", (name) => {
  const golden = JSON.parse(readFileSync(`${folder}${name}.json`, "utf8")) as Golden;

  it("gives every next token the log-prob that PyTorch gives it", async () => {
    const scores = await scoreSequences(
      `${folder}${name}`,
      golden.inputIds.map((ids) => [ids]),
    );
    for (const [i, expected] of golden.nextTokenLogProbs.entries()) {
      expect(scores[i]!.slice(0, -1)).toBeAllClose(expected, { relative: 0, absolute: 1e-4 });
    }
  });

  it("scores packed documents as if each were alone", async () => {
    const documents = golden.documents.map(({ inputIds }) => inputIds);
    const [scores] = await scoreSequences(`${folder}${name}`, [documents]);
    let start = 0;
    for (const { inputIds, nextTokenLogProbs } of golden.documents) {
      const own = scores!.slice(start, start + inputIds.length - 1);
      expect(own).toBeAllClose(nextTokenLogProbs, { relative: 0, absolute: 1e-4 });
      start += inputIds.length;
    }
  });
});
