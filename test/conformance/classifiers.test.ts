/** @file Classifiers against transformers in float64: logits, and three steps of training. Golden: test/golden/scripts/make_classifiers.py. */

import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { noTarget } from "../../src/data/batch.js";
import { makeBatch, type TransferDocument } from "../../src/data/index.js";
import { answersOfStudent, softmax } from "../../src/evaluate/class-probabilities.js";
import { packBatches } from "../../src/evaluate/score-batches.js";
import { countsOf, hardenToCounts } from "../../src/losses/class-shares.js";
import type { Objective } from "../../src/losses/options.js";
import { liveProgramsForTests } from "../../src/runtime/executor.js";
import {
  askAboutText,
  type ClassTeacher,
  makeClassTeacher,
  sequencesAtOnce,
} from "../../src/teachers/class-teacher.js";
import { Trainer } from "../../src/training/trainer.js";
import { loadModelFolder } from "../../src/weights/load-model.js";
import { golden } from "../support/limbeck.js";

interface Golden {
  readonly classes: readonly string[];
  readonly documents: readonly { readonly ids: readonly number[]; readonly target: number }[];
  readonly teacherLogits: readonly (readonly number[])[];
  readonly logits: readonly (readonly number[])[];
  readonly steps: readonly { readonly loss: number; readonly gradientNorm: number }[];
  readonly logitsAfter: readonly (readonly number[])[];
}

/** float32 against float64. */
const close = { relative: 2e-5, absolute: 2e-5 };
const positionCount = 48;

function documentsOf({ documents }: Golden, position: "first" | "last"): TransferDocument[] {
  return documents.map(({ ids, target }, row) => {
    const span = { ids: Int32Array.from(ids), responseMask: new Uint8Array(ids.length) };
    const at = position === "first" ? 0 : ids.length - 1;
    return {
      student: span,
      teacher: span,
      responseTokens: 1,
      responseBytes: undefined,
      hasGroundTruth: target !== noTarget,
      origin: { file: "golden", line: row + 1, row, key: row },
      classified: { target, studentPosition: at, teacherPosition: at },
    };
  });
}

/** A teacher that answers with the golden logits. */
function recorded({ teacherLogits, classes }: Golden): ClassTeacher {
  return {
    form: { kind: "dense", headWidth: classes.length },
    headFeeds: {},
    signal: async ({ rows }) => ({
      kind: "dense",
      rows: rows.count,
      headWidth: classes.length,
      logits: Float32Array.from([...rows.documents].flatMap((document) => [...teacherLogits[document]!])),
    }),
    dispose: async () => {},
  };
}

const objective: Objective = {
  soft: { kind: "divergence", divergence: "forward-kl", weight: 0.5, temperature: 2, scaleByTemperatureSquared: true },
  hard: { kind: "cross-entropy", weight: 1 },
};

describe.each(["bert", "distilbert", "llama"])("%s with a class head", (name) => {
  const folder = `${golden}classifiers/${name}`;
  const expected = JSON.parse(readFileSync(`${folder}.json`, "utf8")) as Golden;
  const open = async () => {
    const model = await loadModelFolder(folder);
    return { model, documents: documentsOf(expected, model.shape.classHead!.position) };
  };

  it("knows its classes", async () => {
    const { model } = await open();
    expect(model.shape.classHead?.classes).toEqual(expected.classes);
  });

  it("has the logits of transformers", async () => {
    const { model } = await open();
    const outputs = [...expected.classes.keys()];
    const reader = await makeClassTeacher(model, { positionCount, outputs });
    try {
      for (const [i, { ids }] of expected.documents.entries()) {
        const logits = await askAboutText(reader, Int32Array.from(ids), model.shape.classHead!.position);
        expect([...logits]).toBeAllClose(expected.logits[i]!, close);
      }
    } finally {
      await reader.dispose();
    }
  });

  it("says the same of documents that are packed into one sequence", async () => {
    const { model, documents } = await open();
    const batches = packBatches(documents, { sequenceLength: positionCount, batchTokens: positionCount });
    expect(batches).toHaveLength(1);
    const options = { documents: documents.length, positionCount, threads: 1 };
    const { probabilities } = await answersOfStudent(model, batches, options);
    const all = expected.logits.flatMap((logits) => {
      const powers = logits.map(Math.exp);
      const total = powers.reduce((sum, power) => sum + power, 0);
      return powers.map((power) => power / total);
    });
    expect([...probabilities]).toBeAllClose(all, close);
  });

  it("says the same of a batch with more sequences than it reads at once", async () => {
    const { model, documents } = await open();
    const reader = await makeClassTeacher(model, { positionCount, outputs: [...expected.classes.keys()] });
    try {
      const sequences = Array.from({ length: 301 }, (_, i) => [i % documents.length]);
      const batch = makeBatch(documents, sequences, { sequenceLength: positionCount, packing: false });
      expect(sequencesAtOnce(batch.teacher)).toBeLessThan(sequences.length / 2);
      const { logits } = await reader.signal(batch);
      expect([...logits]).toBeAllClose(
        [...batch.rows.documents].flatMap((document) => [...expected.logits[document]!]),
        close,
      );
    } finally {
      await reader.dispose();
    }
  });

  it("learns as in PyTorch: three steps, one document of four without a label", async () => {
    const { model, documents } = await open();
    const optimizer = { betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 } as const;
    const trainer = await Trainer.create(model, recorded(expected), objective, {
      positionCount,
      chunkRows: 3,
      threads: 1,
      optimizer: { ...optimizer, betas: [0.9, 0.95] },
      steps: expected.steps.length,
    });
    const layout = { sequenceLength: positionCount, packing: true };
    const reader = await makeClassTeacher(model, { positionCount, outputs: [...expected.classes.keys()] });
    try {
      for (const [i, { loss, gradientNorm }] of expected.steps.entries()) {
        // Two micro-batches, so that documents with and without a label are shared out unevenly.
        const batches = [[[0, 1]], [[2, 3]]].map((sequences) => makeBatch(documents, sequences, layout));
        const result = await trainer.step(batches, i + 1, 1e-2);
        expect([result.loss, result.gradientNorm], `step ${i + 1}`).toBeAllClose([loss, gradientNorm], {
          relative: 2e-4,
          absolute: 1e-5,
        });
      }
      for (const [i, { ids }] of expected.documents.entries()) {
        const logits = await askAboutText(reader, Int32Array.from(ids), model.shape.classHead!.position);
        expect([...logits], `document ${i}`).toBeAllClose(expected.logitsAfter[i]!, { relative: 1e-3, absolute: 1e-3 });
      }
    } finally {
      await reader.dispose();
      await trainer.dispose();
    }
  });

  it.each(["soft", "hard"] as const)(
    "is hardened to the shares of the teacher's %s labels, over a whole step however it is cut",
    async (classShares) => {
      const sure: Objective = { sure: { kind: "confidence", weight: 1, classShares } };
      const rows = (table: Golden["logits"]) => table.map((logits) => [...softmax(logits)]);
      const weak = rows(expected.teacherLogits).map((row) =>
        classShares === "soft" ? row : row.map((share) => Number(share === Math.max(...row))),
      );
      const shares = expected.classes.map((_, i) => weak.reduce((sum, row) => sum + row[i]!, 0) / weak.length);
      const logProbs = rows(expected.logits).map((row) => row.map(Math.log));
      const labels = hardenToCounts(logProbs.flat(), countsOf(shares, logProbs.length));
      const loss = -logProbs.reduce((sum, row, i) => sum + row[labels[i]!]!, 0) / logProbs.length;
      for (const cuts of [[[[0, 1, 2, 3]]], [[[0, 1]], [[2, 3]]], [[[0]], [[1, 2, 3]]]]) {
        const { model, documents } = await open();
        const trainer = await Trainer.create(model, recorded(expected), sure, {
          positionCount,
          chunkRows: 3,
          threads: 1,
          optimizer: { betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0, clipNorm: 1 },
          steps: 1,
        });
        try {
          const layout = { sequenceLength: positionCount, packing: true };
          const batches = cuts.map((sequences) => makeBatch(documents, sequences, layout));
          expect([(await trainer.step(batches, 1, 1e-3)).loss]).toBeAllClose([loss], close);
        } finally {
          await trainer.dispose();
        }
      }
    },
  );
});

afterAll(() => {
  expect(liveProgramsForTests()).toBe(0);
});
