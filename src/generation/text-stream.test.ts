import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadTokenizer } from "../data/tokenizer.js";
import { makeTextStream } from "./text-stream.js";

const folder = new URL("../../test/golden/tokenizers/", import.meta.url).pathname;

describe.each(["chatml", "llama3", "metaspace", "pieces"])("makeTextStream with the tokenizer %s", async (name) => {
  const tokenizer = await loadTokenizer(`${folder}${name}`);
  const write = (ids: readonly number[]) => {
    const stream = makeTextStream(tokenizer);
    return [...ids.map((id) => stream.push(id)), stream.end()];
  };

  it("writes the text of all tokens, and never half a character", () => {
    const text = fc.string({ unit: "binary", maxLength: 30 }).filter((each) => !each.includes("\uFFFD"));
    fc.assert(
      fc.property(text, (each) => {
        const ids = tokenizer.encode(each);
        const whole = tokenizer.decode(ids);
        const pieces = write(ids);
        expect(pieces.join("")).toBe(whole);
        if (!whole.includes("\uFFFD")) expect(pieces.filter((piece) => piece.includes("\uFFFD"))).toEqual([]);
        for (const piece of pieces) expect(Buffer.from(piece).toString()).toBe(piece); // no half of a surrogate pair
      }),
      { numRuns: 100, seed: 20260101 },
    );
  });

  it("writes a word with its first token", () => {
    const ids = tokenizer.encode("Fellow citizens of the Senate");
    expect(write(ids).filter((piece) => piece !== "").length).toBeGreaterThan(ids.length / 2);
  });
});

describe("makeTextStream", () => {
  const bytes = { decode: (ids: ArrayLike<number>) => new TextDecoder().decode(Uint8Array.from(ids)) };

  it("holds back the bytes of a character until it is whole", () => {
    const stream = makeTextStream(bytes);
    const pieces = [..."a€😀b"].flatMap((text) => [...new TextEncoder().encode(text)].map((id) => stream.push(id)));
    expect(pieces).toEqual(["a", "", "", "€", "", "", "", "😀", "b"]);
    expect(stream.end()).toBe("");
  });

  it("writes any bytes as decoding them at once does", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(255), { maxLength: 40 }), (ids) => {
        const stream = makeTextStream(bytes);
        expect([...ids.map((id) => stream.push(id)), stream.end()].join("")).toBe(bytes.decode(ids));
      }),
      { numRuns: 200, seed: 20260101 },
    );
  });
});
