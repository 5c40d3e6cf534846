import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findJsonFault } from "./json-fault.js";

describe("findJsonFault", () => {
  it.each([
    ["", 0],
    ['{"a": 1', 7],
    ['{"a": 1}}', 8],
    ['{"a": tru}', 6],
    ['{"a" 1}', 5],
    ["{a: 1}", 1],
    ['{"a": 1,}', 8],
    ["[1, 2,, 3]", 6],
    ['{"a": "b\tc"}', 8],
    ['{"a": "\\x"}', 7],
    ['{"a": 01}', 7],
    ['"open', 5],
  ])("finds the first character that does not belong: %s", (text, offset) => {
    expect(findJsonFault(text)).toBe(offset);
  });

  it("finds no fault in what JSON.parse accepts, and one in what it refuses", () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.string({ maxLength: 2 }), (json, at, noise) => {
        const cut = at % (json.length + 1);
        const text = json.slice(0, cut) + noise + json.slice(cut);
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        expect(findJsonFault(json)).toBe(-1);
        expect(findJsonFault(text) === -1).toBe(isJson);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
