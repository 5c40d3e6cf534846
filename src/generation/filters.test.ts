import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../data/random.js";
import { argMax, keepMinP, keepTopK, keepTopP, penalizeRepetition, tokenAt } from "./filters.js";
import { filterLogits, makeChooser, type Sampling } from "./sampling.js";

interface Golden {
  readonly cases: readonly {
    readonly options: Sampling;
    readonly seen: readonly number[];
    readonly logits: readonly number[];
    readonly left: readonly (number | null)[];
  }[];
}

const { cases } = JSON.parse(
  readFileSync(new URL("../../test/golden/sampling.json", import.meta.url), "utf8"),
) as Golden;

const never = Number.NEGATIVE_INFINITY;
const logits = fc
  .array(fc.float({ min: -20, max: 20, noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 40 })
  .map((values) => Float32Array.from(values));
const share = fc.double({ min: 1e-6, max: 1, noNaN: true });
const keptIn = (values: Float32Array) => Array.from(values.keys()).filter((i) => values[i] !== never);
const probabilities = (values: Float32Array): number[] => {
  const weights = Array.from(values, (value) => Math.exp(value - Math.max(...values)));
  const total = weights.reduce((sum, weight) => sum + weight);
  return weights.map((weight) => weight / total);
};
const check = <T extends [unknown, ...unknown[]]>(property: fc.IProperty<T>) =>
  fc.assert(property, { numRuns: 100, seed: 20260101 });

describe("filterLogits", () => {
  it.each(cases.map((each, i) => [`${i}: ${JSON.stringify(each.options)}`, each] as const))(
    "leaves what transformers leaves, case %s",
    (_, { options, seen, logits: given, left }) => {
      const own = filterLogits(Float32Array.from(given), seen, options);
      const expected = left.map((value) => value ?? never);
      expect(keptIn(own)).toEqual(keptIn(Float32Array.from(expected)));
      const finite = keptIn(own);
      expect(finite.map((i) => own[i]!)).toBeAllClose(
        finite.map((i) => expected[i]!),
        { relative: 1e-6 },
      );
    },
  );

  it("always leaves the likeliest token, and changes neither kept logits nor its argument", () => {
    check(
      fc.property(logits, fc.integer({ min: 1, max: 50 }), share, share, (values, topK, topP, minP) => {
        const before = values.slice();
        const left = filterLogits(values, [], { topK, topP, minP });
        expect(values).toEqual(before);
        expect(left[argMax(values)]).toBe(values[argMax(values)]);
        for (const i of keptIn(left)) expect(left[i]).toBe(values[i]);
      }),
    );
  });
});

describe("keepTopK", () => {
  it("keeps k tokens, and more only where they are as likely as the last of them", () => {
    check(
      fc.property(logits, fc.integer({ min: 1, max: 50 }), (values, k) => {
        const smallest = Array.from(values).sort((a, b) => b - a)[Math.min(k, values.length) - 1]!;
        const expected = Array.from(values.keys()).filter((i) => values[i]! >= smallest);
        expect(keptIn(keepTopK(values, k))).toEqual(expected);
      }),
    );
  });
});

describe("keepTopP", () => {
  it("keeps at least the share p, and without the least likely kept tokens would not", () => {
    check(
      fc.property(logits, share, (values, p) => {
        const kept = keptIn(keepTopP(values, p));
        const each = probabilities(values);
        const held = kept.reduce((sum, i) => sum + each[i]!, 0);
        expect(held).toBeGreaterThan(p - 1e-6);
        const least = Math.min(...kept.map((i) => each[i]!));
        const rest = kept.filter((i) => each[i]! > least);
        expect(rest.reduce((sum, i) => sum + each[i]!, 0)).toBeLessThan(p + 1e-6);
      }),
    );
  });
});

describe("keepMinP", () => {
  it("keeps the tokens with a share of the likeliest one's probability", () => {
    check(
      fc.property(logits, share, (values, p) => {
        const each = probabilities(values);
        const most = Math.max(...each);
        const kept = new Set(keptIn(keepMinP(values, p)));
        for (const [i, probability] of each.entries()) {
          if (probability > p * most * 1.0001) expect(kept).toContain(i);
          if (probability < p * most * 0.9999) expect(kept).not.toContain(i);
        }
      }),
    );
  });
});

describe("penalizeRepetition", () => {
  it("makes seen tokens less likely, however often they were seen, and leaves the others", () => {
    check(
      fc.property(
        logits,
        fc.array(fc.nat(39)),
        fc.double({ min: 1.01, max: 3, noNaN: true }),
        (values, ids, penalty) => {
          const seen = ids.filter((id) => id < values.length);
          const left = penalizeRepetition(values, seen, penalty);
          expect(left).toEqual(penalizeRepetition(values, new Set(seen), penalty));
          for (const [i, value] of values.entries()) {
            if (!seen.includes(i) || value === 0) expect(left[i]).toBe(value);
            else expect(left[i]).toBeLessThanOrEqual(value);
          }
        },
      ),
    );
  });
});

describe("tokenAt", () => {
  it("draws each token as often as its probability says, and never one that was filtered out", () => {
    const values = Float32Array.of(0, never, 1, 2, -1);
    const random = createRandom(1);
    const counts = new Array<number>(values.length).fill(0);
    for (let i = 0; i < 40_000; i++) counts[tokenAt(values, random.nextFloat())]!++;
    expect(counts.map((count) => count / 40_000)).toBeAllClose(probabilities(values), { relative: 0, absolute: 0.01 });
    expect(counts[1]).toBe(0);
  });

  it("takes the last token that has a probability where rounding leaves none", () => {
    expect(tokenAt(Float32Array.of(0, 0, never), 1)).toBe(1);
  });
});

describe("makeChooser", () => {
  it("takes the likeliest token unless a temperature is given, after the repetition penalty", () => {
    const values = Float32Array.of(1, 3, 2);
    expect(makeChooser({})(values, [], createRandom(0))).toBe(1);
    expect(makeChooser({ repetitionPenalty: 2 })(values, [1], createRandom(0))).toBe(2);
  });

  it.each([
    [{ samplingTemperature: -1 }, '"samplingTemperature" must be a number of at least 0, got -1'],
    [{ samplingTemperature: 1, topK: 0 }, '"topK" must be a whole number of at least 1, got 0'],
    [{ samplingTemperature: 1, topP: 1.5 }, '"topP" must be a number above 0, at most 1, got 1.5'],
    [{ samplingTemperature: 1, minP: -0.1 }, '"minP" must be a number from 0 to 1, got -0.1'],
    [{ repetitionPenalty: 0 }, '"repetitionPenalty" must be a number above 0, got 0'],
    [{ seed: 0.5 }, '"seed" must be a whole number, got 0.5'],
    [{ topK: 5 }, '"topK" needs a samplingTemperature above 0, got 0'],
  ])("refuses %j", (options, message) => {
    expect(() => makeChooser(options)).toThrow(message);
  });
});
