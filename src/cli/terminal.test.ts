import { describe, expect, it } from "vitest";
import { facts, oneLine, table, wrap } from "./terminal.js";

describe("table", () => {
  it("aligns the first column left and the others right", () => {
    expect(
      table([
        ["term", "nats"],
        ["soft", "0.5"],
        ["x", "12.25"],
      ]),
    ).toBe("term   nats\nsoft    0.5\nx     12.25\n");
  });

  it("aligns the named columns left and leaves no spaces at line ends", () => {
    expect(
      table(
        [
          ["a", "bb"],
          ["aaa", "b"],
        ],
        [1],
      ),
    ).toBe("a    bb\naaa  b\n");
  });
});

describe("facts", () => {
  it("continues a long value under itself", () => {
    expect(
      facts(
        [
          ["teacher", "one two three"],
          ["x", "four"],
        ],
        18,
      ),
    ).toBe("teacher  one two\n         three\nx        four\n");
  });
});

describe("wrap", () => {
  it("breaks between words and keeps a word that is longer than the line", () => {
    expect(wrap("a bc def extraordinary x", 6)).toEqual(["a bc", "def", "extraordinary", "x"]);
  });
});

describe("oneLine", () => {
  it("writes control characters as escapes and cuts what is too long", () => {
    expect(oneLine('a\nb"c', 10)).toBe('a\\nb"c');
    expect(oneLine("abcdef", 4)).toBe("abc…");
  });
});
