import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  broadcastShapes,
  type Dim,
  divideDims,
  elementCount,
  factorOf,
  multiplyDims,
  printShape,
  resolveAxis,
  sameDim,
  sameShape,
  symbolsOf,
} from "./dims.js";

const symbol = fc.constantFrom("batch", "tokens", "rows");
const plainDim: fc.Arbitrary<Dim> = fc.oneof(fc.integer({ min: 1, max: 6 }), symbol);
const dim: fc.Arbitrary<Dim> = fc.array(plainDim, { maxLength: 4 }).map((parts) => multiplyDims(...parts));
const shape = fc.array(plainDim, { maxLength: 4 });
const sizes: Readonly<Record<string, number>> = { batch: 7, tokens: 11, rows: 13 };

/** The number that a dim stands for. */
function sizeOf(dim: Dim): number {
  return symbolsOf(dim).reduce((product, name) => product * sizes[name]!, factorOf(dim));
}

describe("multiplyDims", () => {
  it("gives one canonical dim, whatever the order and grouping", () => {
    fc.assert(
      fc.property(dim, dim, dim, (a, b, c) => {
        expect(multiplyDims(a, multiplyDims(b, c))).toBe(multiplyDims(c, b, a));
        expect(sizeOf(multiplyDims(a, b, c))).toBe(sizeOf(a) * sizeOf(b) * sizeOf(c));
      }),
    );
  });

  it("puts the number first and sorts the symbols", () => {
    expect(multiplyDims("tokens", 2, "batch*3")).toBe("6*batch*tokens");
    expect(multiplyDims()).toBe(1);
    expect(multiplyDims("tokens", 0)).toBe(0);
  });
});

describe("divideDims", () => {
  it("undoes multiplyDims", () => {
    fc.assert(
      fc.property(dim, dim, (a, b) => {
        expect(divideDims(multiplyDims(a, b), b)).toBe(multiplyDims(a));
      }),
    );
  });

  it("is undefined where the quotient is not whole", () => {
    expect(divideDims("3*tokens", "2*tokens")).toBeUndefined();
    expect(divideDims("tokens", "batch")).toBeUndefined();
    expect(divideDims(6, "batch")).toBeUndefined();
    expect(divideDims(6, 0)).toBeUndefined();
  });
});

describe("sameDim and sameShape", () => {
  it("compare what dims stand for, not how they are written", () => {
    expect(sameDim("tokens*2*batch", "2*batch*tokens")).toBe(true);
    expect(sameDim("tokens", "batch")).toBe(false);
    expect(sameShape([2, "a*b"], [2, "b*a"])).toBe(true);
    expect(sameShape([2], [2, 1])).toBe(false);
  });
});

describe("elementCount", () => {
  it("is 1 for a scalar and a product otherwise", () => {
    expect(elementCount([])).toBe(1);
    expect(elementCount(["batch", 3, "batch"])).toBe("3*batch*batch");
  });
});

describe("broadcastShapes", () => {
  it("does not depend on the order, keeps a shape broadcast with itself or a scalar", () => {
    fc.assert(
      fc.property(shape, shape, (a, b) => {
        expect(broadcastShapes(a, b)).toEqual(broadcastShapes(b, a));
        expect(broadcastShapes(a, a)).toEqual(a);
        expect(broadcastShapes(a, [])).toEqual(a);
      }),
    );
  });

  it("aligns axes from the back and stretches ones", () => {
    expect(broadcastShapes(["batch", 1, 4], ["tokens", 1])).toEqual(["batch", "tokens", 4]);
    expect(broadcastShapes([3], [4])).toBeUndefined();
    expect(broadcastShapes(["batch"], ["tokens"])).toBeUndefined();
    expect(broadcastShapes([2], ["batch"])).toBeUndefined();
  });
});

describe("resolveAxis", () => {
  it("counts negative axes from the back and names the range that it wants", () => {
    expect(resolveAxis("Softmax", -1, 3)).toBe(2);
    expect(() => resolveAxis("Softmax", 3, 3)).toThrow("Softmax: axis must be a whole number from -3 to 2, got 3.");
    expect(() => resolveAxis("Softmax", 0.5, 3)).toThrow("got 0.5");
  });
});

describe("printShape", () => {
  it("writes a shape as people do", () => {
    expect(printShape(["batch", 128])).toBe("[batch, 128]");
  });
});
