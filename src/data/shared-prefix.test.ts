import { describe, expect, it } from "vitest";
import { sharedPrefixLength } from "./shared-prefix.js";

describe("sharedPrefixLength", () => {
  it.each([
    [[], 9, 0],
    [[[1, 2, 3]], 9, 3],
    [[[1, 2, 3]], 2, 2],
    [
      [
        [1, 2, 3],
        [1, 2, 4, 5],
      ],
      9,
      2,
    ],
    [[[1, 2], [], [1]], 9, 0],
    [[[1, 2, 3], [1, 2, 3], [1]], 9, 1],
  ])("of %j, at most %i, is %i", (sequences, limit, length) => {
    expect(sharedPrefixLength(sequences as number[][], limit)).toBe(length);
  });
});
