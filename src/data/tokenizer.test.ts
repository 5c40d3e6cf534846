import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Tokenizer as Engine } from "@huggingface/tokenizers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assertSameTokenizer } from "./same-tokenizer.js";
import { hasTokenizer, loadTokenizer } from "./tokenizer.js";
import { fingerprintTokenizer } from "./tokenizer-fingerprint.js";

const folder = "test/golden/tokenizers";
const golden = JSON.parse(await readFile("test/golden/tokenizers.json", "utf8")) as {
  encodings: { tokenizer: string; text: string; ids: number[]; idsWithSpecialTokens: number[]; decoded: string }[];
};
const tokenizers = {
  chatml: await loadTokenizer(`${folder}/chatml`),
  llama3: await loadTokenizer(`${folder}/llama3`),
  pieces: await loadTokenizer(`${folder}/pieces`),
  metaspace: await loadTokenizer(`${folder}/metaspace`),
};
type Name = keyof typeof tokenizers;

async function inFolder<T>(files: Record<string, string>, use: (path: string) => Promise<T>): Promise<T> {
  const path = await mkdtemp(join(tmpdir(), "limbeck-tokenizer-"));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
    return await use(path);
  } finally {
    await rm(path, { recursive: true });
  }
}

describe("loadTokenizer", () => {
  it.each(golden.encodings)("gives the ids of the Python library: $tokenizer $text", async (expected) => {
    const tokenizer = tokenizers[expected.tokenizer as Name];
    expect(tokenizer.encode(expected.text)).toEqual(expected.ids);
    expect(tokenizer.encode(expected.text, { addSpecialTokens: true })).toEqual(expected.idsWithSpecialTokens);
    // The library's byte-fallback decoder drops byte order marks.
    const hasFallback = expected.tokenizer === "pieces" || expected.tokenizer === "metaspace";
    const decoded = hasFallback ? expected.decoded.replace("\ufeff", "") : expected.decoded;
    expect(tokenizer.decode(expected.ids)).toBe(decoded);
    expect(await tokenizer.encodeBatch([expected.text, expected.text])).toEqual([expected.ids, expected.ids]);
  });

  it("takes the end token from tokenizer_config.json, else the first of config.json", () => {
    expect(tokenizers.chatml.tokenText(tokenizers.chatml.endTokenId!)).toBe("<|im_end|>");
    expect(tokenizers.llama3.tokenText(tokenizers.llama3.endTokenId!)).toBe("<|end_of_text|>");
    expect(tokenizers.pieces.tokenText(tokenizers.pieces.endTokenId!)).toBe("</s>");
  });

  it("knows what the post-processor puts before a text", () => {
    expect(tokenizers.chatml.prefixIds).toEqual([]);
    expect(tokenizers.llama3.prefixIds.map(tokenizers.llama3.tokenText)).toEqual(["<|begin_of_text|>"]);
    expect(tokenizers.pieces.prefixIds.map(tokenizers.pieces.tokenText)).toEqual(["<s>"]);
  });

  it("prefers chat_template.jinja, and takes the default one of a list", () => {
    expect(tokenizers.chatml.chatTemplate).toContain("<|im_start|>");
    expect(tokenizers.llama3.chatTemplate).toContain("<|start_header_id|>");
    expect(tokenizers.pieces.chatTemplate).toContain("[INST]");
  });

  it("counts the UTF-8 bytes of the text of ids, special tokens excepted", () => {
    for (const text of ["Straße, déjà vu 日本 🙂", "plain", ""]) {
      for (const tokenizer of Object.values(tokenizers)) {
        expect(tokenizer.tokenBytes(tokenizer.encode(text))).toBe(Buffer.byteLength(text));
      }
    }
    expect(tokenizers.chatml.tokenBytes(tokenizers.chatml.encode("hi<|im_end|><tool>"))).toBe("hi<tool>".length);
  });

  it("adds up the bytes of a character that two tokens share", () => {
    const ids = tokenizers.chatml.encode("日");
    expect(ids.map((id) => tokenizers.chatml.tokenBytes([id]))).toEqual([1, 1, 1]);
  });

  it("shows the text of one id, its leading space included", () => {
    expect(tokenizers.chatml.tokenText(263)).toBe(" a");
    expect(tokenizers.pieces.tokenText(tokenizers.pieces.encode("of")[0]!)).toBe(" of");
    expect(tokenizers.chatml.tokenText(100_000)).toBeUndefined();
  });

  it("encodes ▁-marked text as the library does without its split into words, and much longer texts in seconds", async () => {
    const definition = JSON.parse(await readFile(`${folder}/pieces/tokenizer.json`, "utf8"));
    const whole = new Engine(definition, {});
    const words = fc.string({
      unit: fc.constantFrom(" ", "▁", "t", "h", "e", "a", "n", "d", "\n", "é", "日"),
      maxLength: 40,
    });
    fc.assert(
      fc.property(words, (text) => {
        const expected = text === "" ? [] : whole.encode(text, { add_special_tokens: false }).ids;
        expect(tokenizers.pieces.encode(text)).toEqual(expected);
      }),
      { seed: 3, numRuns: 300 },
    );
    const started = performance.now();
    tokenizers.pieces.encode("The people of the union. ".repeat(40_000)); // 1 MB
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it("gives ids beyond the tokenizer no text and no bytes", () => {
    for (const tokenizer of Object.values(tokenizers)) {
      const ids = [...tokenizer.encode("hi"), tokenizer.vocabSize + 5];
      expect(tokenizer.decode(ids)).toBe("hi");
      expect(tokenizer.tokenBytes(ids)).toBe(2);
    }
  });

  it("says that tokenizer.json is missing, cut off or something else", async () => {
    expect(await hasTokenizer(`${folder}/chatml`)).toBe(true);
    expect(await hasTokenizer(folder)).toBe(false);
    await expect(loadTokenizer(folder)).rejects.toThrow(/tokenizers" has no tokenizer\.json/);
    const json = await readFile(`${folder}/chatml/tokenizer.json`, "utf8");
    await inFolder({ "tokenizer.json": json.slice(0, 500) }, async (path) => {
      await expect(loadTokenizer(path)).rejects.toMatchObject({ code: "MODEL", message: /must be a JSON object/ });
    });
    await inFolder({ "tokenizer.json": '{"model": {"type": "BPE"}}' }, async (path) => {
      await expect(loadTokenizer(path)).rejects.toMatchObject({ code: "MODEL", message: /cannot be used/ });
    });
  });
});

describe("fingerprintTokenizer", () => {
  it("ignores formatting, order, the spelling of merges and repeated added tokens", async () => {
    const definition = JSON.parse(await readFile(`${folder}/chatml/tokenizer.json`, "utf8"));
    const shuffled = {
      added_tokens: [...definition.added_tokens].reverse(),
      model: {
        ...definition.model,
        merges: definition.model.merges.map((pair: [string, string]) => pair.join(" ")),
        vocab: Object.fromEntries([
          ...Object.entries(definition.model.vocab).reverse(),
          ...definition.added_tokens.map((token: { id: number; content: string }) => [token.content, token.id]),
        ]),
      },
    };
    expect(fingerprintTokenizer(shuffled)).toBe(tokenizers.chatml.fingerprint);
  });

  it("notices two merges that change places and one renamed token", async () => {
    const definition = JSON.parse(await readFile(`${folder}/chatml/tokenizer.json`, "utf8"));
    const original = fingerprintTokenizer(definition);
    const [first, second, ...others] = definition.model.merges;
    expect(
      fingerprintTokenizer({ ...definition, model: { ...definition.model, merges: [second, first, ...others] } }),
    ).not.toBe(original);
    definition.added_tokens[0].content = "<|other|>";
    expect(fingerprintTokenizer(definition)).not.toBe(original);
  });
});

describe("assertSameTokenizer", () => {
  it("accepts the same tokenizer from two files", async () => {
    const json = await readFile(`${folder}/chatml/tokenizer.json`, "utf8");
    await inFolder({ "tokenizer.json": JSON.stringify(JSON.parse(json), null, 3) }, async (path) => {
      expect(() => assertSameTokenizer(tokenizers.chatml, tokenizers.chatml)).not.toThrow();
      const other = await loadTokenizer(path);
      expect(() => assertSameTokenizer(tokenizers.chatml, other)).not.toThrow();
    });
  });

  it("shows both fingerprints and the first id that differs", () => {
    expect(() => assertSameTokenizer(tokenizers.chatml, tokenizers.llama3)).toThrow(
      /tokenizers differ \(fingerprint [0-9a-f]{8} vs [0-9a-f]{8}; id \d+ is ".*" vs ".*"\)\./,
    );
  });
});
