/** @file What a codec gives back: the error that it states, the masses at every temperature, and the text's own tokens. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../data/random.js";
import { absentLogProb, type SparseSignal } from "../teacher-signal.js";
import { hiddenCodec } from "./hidden-codec.js";
import { sparseCodec } from "./sparse-codec.js";

const headWidth = 200;
const temperatures = [1, 2, 4];

/** Rows of random distributions over 200 ids, of which the likeliest are kept: in some rows fewer than k. */
function signalOf(seed: number, rows: number, k: number, scale: number): { signal: SparseSignal; tails: number[][] } {
  const random = createRandom(seed);
  const logNormalizers = new Map(temperatures.slice(1).map((each) => [each, new Float32Array(rows)]));
  const [ids, logProbs] = [new Int32Array(rows * k), new Float32Array(rows * k).fill(absentLogProb)];
  const tails: number[][] = [];
  for (let row = 0; row < rows; row++) {
    const logits = Array.from({ length: headWidth }, () => scale * (random.nextFloat() - 0.5));
    const logZ = (temperature: number) =>
      Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit / temperature), 0));
    const order = logits.map((_, id) => id).sort((a, b) => logits[b]! - logits[a]!);
    const count = row % 3 === 2 ? 1 + random.nextBelow(k) : k;
    ids.fill(order[0]!, row * k, (row + 1) * k);
    for (let i = 0; i < count; i++) {
      ids[row * k + i] = order[i]!;
      logProbs[row * k + i] = logits[order[i]!]! - logZ(1);
    }
    for (const [each, values] of logNormalizers) values[row] = logZ(each) - logZ(1) / each;
    const mass = (temperature: number) =>
      order.slice(count).reduce((sum, id) => sum + Math.exp(logits[id]! / temperature - logZ(temperature)), 0);
    tails.push(temperatures.map(mass));
  }
  const targetLogProbs = Float32Array.from({ length: rows }, () => -20 * random.nextFloat());
  return { signal: { kind: "sparse", headWidth, rows, k, ids, logProbs, logNormalizers, targetLogProbs }, tails };
}

describe("the sparse codec", () => {
  it("keeps every log-prob within the stated error, the likeliest first, and the tail's mass at every temperature", () => {
    const cases = fc.record({
      seed: fc.nat(),
      k: fc.integer({ min: 1, max: headWidth }),
      error: fc.constantFrom(0.05, 0.25, 0.5),
      scale: fc.constantFrom(1, 8, 30),
    });
    fc.assert(
      fc.property(cases, ({ seed, k, error, scale }) => {
        const { signal, tails } = signalOf(seed, 6, k, scale);
        const codec = sparseCodec({ topK: k, samples: 0, logProbError: error, temperatures, headWidth });
        const decoded = codec.decode(codec.encode(signal, 0, 6), 6) as SparseSignal;
        for (let row = 0; row < 6; row++) {
          const at = (from: SparseSignal) =>
            new Map(
              [...from.ids.subarray(row * k, (row + 1) * k)]
                .map((id, i) => [id, from.logProbs[row * k + i]!] as const)
                .filter(([, logProb]) => logProb > absentLogProb / 10),
            );
          const [wanted, got] = [at(signal), at(decoded)];
          expect([...got.keys()].sort()).toEqual([...wanted.keys()].sort());
          expect(decoded.ids[row * k]).toBe(signal.ids[row * k]);
          for (const [id, logProb] of wanted) expect(Math.abs(got.get(id)! - logProb)).toBeLessThan(error + 1e-4);
          for (const [i, each] of temperatures.entries()) {
            const normalizer = decoded.logNormalizers.get(each)?.[row] ?? 0;
            const mass = [...got.values()].reduce((sum, l) => sum + Math.exp(l / each - normalizer), 0);
            const expected = tails[row]![i]!;
            expect(Math.abs(1 - mass - expected)).toBeLessThan(1e-5 + 0.004 * expected);
          }
        }
        const bound = 2 ** -7; // 16-bit floats below 32
        expect(decoded.targetLogProbs!).toBeAllClose(signal.targetLogProbs!, { relative: 0, absolute: bound });
      }),
    );
  });

  it("gives back float32 numbers bit for bit with an error of 0", () => {
    const { signal } = signalOf(3, 9, 12, 8);
    const codec = sparseCodec({ topK: 12, samples: 0, logProbError: 0, temperatures, headWidth });
    const decoded = codec.decode(codec.encode(signal, 0, 9), 9);
    expect(decoded).toEqual({ ...signal, importance: undefined });
  });
});

describe("the codec of hidden states", () => {
  const random = createRandom(7);
  const hidden = Float32Array.from({ length: 5 * 150 }, (_, i) => (i % 50 === 0 ? 40 : 1) * (random.nextFloat() - 0.5));
  const back = (precision: "float32" | "float16" | "int8") => {
    const codec = hiddenCodec(precision, 150, 96);
    const signal = { kind: "hidden", rows: 5, hiddenSize: 150, headWidth: 96, hidden } as const;
    const planes = codec.encode(signal, 0, 5);
    const bytes = Object.values(planes).reduce((sum, { length }) => sum + length, 0);
    return { decoded: (codec.decode(planes, 5) as typeof signal).hidden, bytesPerNumber: bytes / hidden.length };
  };

  it("gives back float32 as it was", () => {
    expect(back("float32")).toEqual({ decoded: hidden, bytesPerNumber: 4 });
  });

  it("keeps 11 bits of each number in float16", () => {
    const { decoded, bytesPerNumber } = back("float16");
    expect(bytesPerNumber).toBe(2);
    expect(decoded).toBeAllClose(hidden, { relative: 2 ** -11, absolute: 1e-7 });
  });

  it("keeps each number within a 250th of the largest of its group in int8", () => {
    const { decoded, bytesPerNumber } = back("int8");
    expect(bytesPerNumber).toBeLessThan(1.05);
    for (let row = 0; row < 5; row++) {
      for (const [from, to] of [
        [0, 64],
        [64, 128],
        [128, 150],
      ] as const) {
        const [start, end] = [row * 150 + from, row * 150 + to];
        const most = hidden.slice(start, end).reduce((best, value) => Math.max(best, Math.abs(value)), 0);
        expect(decoded.slice(start, end)).toBeAllClose(hidden.slice(start, end), { relative: 0, absolute: most / 250 });
      }
    }
  });
});
