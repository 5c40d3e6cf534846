/** @file GGUF files in: those of the `gguf` Python package, and damaged ones. Golden: test/golden/scripts/make_gguf.py. */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { floatBytes, type GgufContent, ggufBytes } from "../../../test/support/gguf-file.js";
import { openGguf } from "./reader.js";

const golden = new URL("../../../test/golden/gguf/", import.meta.url).pathname;
const { tensors: expected } = JSON.parse(await readFile(join(golden, "types.json"), "utf8")) as {
  tensors: Record<string, { shape: number[]; float32: string }>;
};

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "limbeck-gguf-"));
  path = join(folder, "model.gguf");
});
afterEach(() => rm(folder, { recursive: true }));

async function open(bytes: Buffer): Promise<void> {
  await writeFile(path, bytes);
  await using _ = await openGguf(path);
}

const values = Float32Array.from({ length: 64 }, (_, i) => i / 8);
const small: GgufContent = {
  metadata: {
    "general.architecture": "llama",
    "general.name": "small",
    list: ["a", "\ufeff", "ÿ"],
    "llama.epsilon": 0.5,
  },
  tensors: [
    { name: "first", sizes: [32, 2], data: floatBytes(values) },
    { name: "second", sizes: [64], data: floatBytes(values) },
  ],
};
const [first, second] = small.tensors as [GgufContent["tensors"][0], GgufContent["tensors"][0]];

describe("openGguf", () => {
  it.each(Object.keys(expected))("dequantizes %s bit for bit as the gguf package does", async (name) => {
    await using file = await openGguf(join(golden, "types.gguf"));
    const read = await file.readFloat32(name);
    expect(file.info(name).shape).toEqual(expected[name]!.shape);
    expect(Buffer.from(floatBytes(read)).toString("base64")).toBe(expected[name]!.float32);
  });

  it("keeps texts as they are, byte order marks included", async () => {
    await writeFile(path, ggufBytes(small));
    await using file = await openGguf(path);
    expect(file.metadata.get("list")).toEqual(["a", "\ufeff", "ÿ"]);
    expect(file.metadata.get("llama.epsilon")).toBe(0.5);
    expect(file.names()).toEqual(["first", "second"]);
    expect(await file.readFloat32("second")).toEqual(values);
  });

  it("reads a header that is larger than the first piece of the file", async () => {
    const tokens = Array.from({ length: 300_000 }, (_, i) => `token ${i}`);
    await writeFile(path, ggufBytes({ ...small, metadata: { tokens } }));
    await using file = await openGguf(path);
    expect(file.metadata.get("tokens")).toEqual(tokens);
    expect(await file.readFloat32("first")).toEqual(values);
  });

  it("refuses a file that is cut short, wherever it is cut", async () => {
    const whole = ggufBytes(small);
    for (let length = 0; length < whole.length; length += length < 400 ? 1 : 37) {
      await expect(open(whole.subarray(0, length)), `${length} bytes`).rejects.toMatchObject({ code: "MODEL" });
    }
    await expect(open(whole)).resolves.toBeUndefined();
  });

  it("never fails other than with an error of its own when a byte of the header is wrong", async () => {
    const whole = ggufBytes(small);
    for (let at = 0; at < whole.length - 512; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = damaged[at]! ^ 0xff;
      await open(damaged).catch((error: { code?: string }) =>
        expect(error.code, `byte ${at}`).toMatch(/MODEL|UNSUPPORTED/),
      );
    }
  });

  const overlap = { ...second, offset: 128n };
  it.each<[string, GgufContent, string, RegExp]>([
    [
      "absurdly many tensors",
      { ...small, tensorCount: 2n ** 62n },
      "MODEL",
      /must announce at most \d+ tensors, got Infinity/,
    ],
    ["more tensors than fit", { ...small, tensorCount: 1000n }, "MODEL", /must announce at most \d+ tensors, got 1000/],
    [
      "absurdly many keys",
      { ...small, keyCount: 2n ** 40n },
      "MODEL",
      /must announce at most \d+ keys, got 1099511627776/,
    ],
    ["an unknown version", { ...small, version: 9 }, "UNSUPPORTED", /version 2 or 3, got 9/],
    ["big-endian numbers", { ...small, version: 0x3000000 }, "UNSUPPORTED", /got big-endian numbers/],
    [
      "an offset past the end",
      { ...small, tensors: [first, { ...second, offset: 1n << 40n }] },
      "MODEL",
      /"second": must end within/,
    ],
    [
      "an absurd offset",
      { ...small, tensors: [first, { ...second, offset: 1n << 63n }] },
      "MODEL",
      /"second": offset must be a multiple of 32, got Infinity/,
    ],
    [
      "an unaligned offset",
      { ...small, tensors: [first, { ...second, offset: 250n }] },
      "MODEL",
      /multiple of 32, got 250/,
    ],
    ["tensors that overlap", { ...small, tensors: [first, overlap] }, "MODEL", /"second" must start after "first"/],
    [
      "absurd sizes",
      { ...small, tensors: [first, { ...second, sizes: [2n ** 40n, 2n ** 40n] }] },
      "MODEL",
      /"second": sizes must be above 0/,
    ],
    [
      "a size of 0",
      { ...small, tensors: [first, { ...second, sizes: [0] }] },
      "MODEL",
      /"second": sizes must be above 0/,
    ],
    [
      "five sizes",
      { ...small, tensors: [first, { ...second, sizes: [2, 2, 2, 2, 4] }] },
      "MODEL",
      /"second" 1 to 4 sizes, got 5/,
    ],
    ["a name twice", { ...small, tensors: [first, { ...second, name: "first" }] }, "MODEL", /distinct names/],
    [
      "part of a block",
      { ...small, tensors: [first, { ...second, sizes: [40], type: 8 }] },
      "MODEL",
      /rows of Q8_0 must be multiples of 32, got 40/,
    ],
    [
      "a type that is not read",
      { ...small, tensors: [first, { ...second, type: 23 }] },
      "UNSUPPORTED",
      /"second": type must be one of F32, .*, got IQ4_XS/,
    ],
    [
      "an unknown type",
      { ...small, tensors: [first, { ...second, type: 99 }] },
      "UNSUPPORTED",
      /got the unknown type 99/,
    ],
    [
      "an alignment of 0",
      { ...small, metadata: { "general.alignment": 0 } },
      "MODEL",
      /general.alignment that is a multiple of 8, got "0"/,
    ],
  ])("names what is wrong with %s", async (_, content, code, message) => {
    await expect(open(ggufBytes(content))).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it("says what a file is that is no GGUF file", async () => {
    await expect(open(Buffer.from("version https://git-lfs.github.com/spec/v1"))).rejects.toMatchObject({
      hint: expect.stringContaining("git lfs pull"),
    });
    await expect(openGguf(join(folder, "absent.gguf"))).rejects.toThrow("must be a GGUF file, got no such file.");
    await expect(openGguf(folder)).rejects.toThrow("got a folder or device.");
  });
});
