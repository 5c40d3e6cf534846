/** @file Safetensors files from Python, bit for bit, and files damaged in every way. */

import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ModelError } from "../errors.js";
import { openSafetensors } from "./safetensors-reader.js";

const golden = new URL("../../test/golden/weights/", import.meta.url).pathname;

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "limbeck-safetensors-"));
  path = join(folder, "file.safetensors");
});
afterAll(() => rm(folder, { recursive: true }));

/** A file with this header, which may be any text, and this many zero bytes of data. */
function fileWith(header: unknown, dataBytes: number): Buffer {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([prefix, json, Buffer.alloc(dataBytes)]);
}

async function readAll(file: string): Promise<Map<string, Float32Array>> {
  await using opened = await openSafetensors(file);
  const tensors = new Map<string, Float32Array>();
  for (const name of opened.names()) tensors.set(name, await opened.readFloat32(name));
  return tensors;
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

describe("openSafetensors on a file from Python", () => {
  it("reads f32, f16, bf16 and f64 bit for bit as torch widens them", async () => {
    const expected: Record<string, { shape: number[]; bits: number[] }> = JSON.parse(
      await readFile(join(golden, "mixed.json"), "utf8"),
    ).tensors;
    await using file = await openSafetensors(join(golden, "mixed.safetensors"));
    expect(file.names().sort()).toEqual([...Object.keys(expected), "i64"].sort());
    for (const [name, { shape, bits }] of Object.entries(expected)) {
      expect(file.info(name).shape, name).toEqual(shape);
      expect([...bitsOf(await file.readFloat32(name))], name).toEqual(bits);
    }
  });

  it("keeps the metadata", async () => {
    await using file = await openSafetensors(join(golden, "mixed.safetensors"));
    expect(file.metadata).toEqual({ format: "pt", note: "golden" });
  });

  it("refuses to read integers as float32", async () => {
    await using file = await openSafetensors(join(golden, "mixed.safetensors"));
    await expect(file.readFloat32("i64")).rejects.toThrow('tensor "i64" must be F32, F16, BF16 or F64, got I64.');
  });

  it("names a tensor that is not there", async () => {
    await using file = await openSafetensors(join(golden, "mixed.safetensors"));
    await expect(file.readFloat32("absent")).rejects.toThrow('must hold tensor "absent", got 8 others.');
  });
});

describe("openSafetensors on a damaged file", () => {
  const f32 = (shape: number[], start: number, end: number) => ({ dtype: "F32", shape, data_offsets: [start, end] });

  it.each<[string, Buffer, RegExp]>([
    ["an empty file", Buffer.alloc(0), /must begin with 8 bytes of header length, got 0 bytes/],
    [
      "a header longer than the file",
      fileWith({}, 0).fill(3, 0, 1),
      /at most 2 bytes \(the rest of the file\), got \d+/,
    ],
    ["a Git LFS pointer", Buffer.from("version https://git-lfs"), /header must be at most/],
    ["a header that is not JSON", fileWith("{oops", 0), /header must be JSON, got "\{oops"/],
    ["a header that is not UTF-8", fileWith("{}", 0).fill(0xff, 8), /header must be JSON/],
    [
      "a header nested too deep",
      fileWith(`{"a":${"[".repeat(1e5)}${"]".repeat(1e5)}}`, 0),
      /header must be nested at most 32 deep, got more/,
    ],
    ["a header that is a list", fileWith("[]", 0), /must be a JSON object, got a list/],
    ["an entry that is no object", fileWith({ a: 1 }, 0), /tensor "a": entry must be an object, got 1/],
    [
      "an unknown dtype",
      fileWith({ a: { ...f32([1], 0, 4), dtype: "F99" } }, 4),
      /tensor "a": dtype must be one of .*got "F99"/,
    ],
    [
      "a name inherited from Object as dtype",
      fileWith({ a: { ...f32([1], 0, 4), dtype: "toString" } }, 4),
      /got "toString"/,
    ],
    ["a negative size", fileWith({ a: f32([-1], 0, 4) }, 4), /tensor "a": shape must be a list of sizes, got \[-1\]/],
    ["a size that is not whole", fileWith({ a: f32([0.5], 0, 2) }, 2), /shape must be a list of sizes/],
    ["a shape beyond counting", fileWith({ a: f32([2 ** 40, 2 ** 40], 0, 4) }, 4), /must span 4.8\S+ bytes/],
    [
      "one offset only",
      fileWith({ a: { dtype: "F32", shape: [1], data_offsets: [0] } }, 4),
      /must be \[start, end\] in bytes/,
    ],
    [
      "offsets that contradict the shape",
      fileWith({ a: f32([3], 0, 8) }, 8),
      /must span 12 bytes for F32 \[3\], got \[0,8\] \(8 bytes\)/,
    ],
    ["offsets in reverse", fileWith({ a: f32([1], 4, 0) }, 4), /must span 4 bytes/],
    [
      "overlapping tensors",
      fileWith({ a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8),
      /"b" must start at data offset 8, got 4, which overlaps "a"/,
    ],
    [
      "a gap",
      fileWith({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12),
      /"b" must start at data offset 4, got 8, which leaves a gap/,
    ],
    ["a truncated file", fileWith({ a: f32([4], 0, 16) }, 12), /"a" must end within the file's \d+ bytes/],
    [
      "bytes after the last tensor",
      fileWith({ a: f32([1], 0, 4) }, 6),
      /must end with its last tensor at byte \d+, got \d+ bytes/,
    ],
    [
      "a name given twice",
      fileWith(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
      ),
      /tensor "a" must be named once/,
    ],
    ["metadata that is not text", fileWith({ __metadata__: { a: 1 } }, 0), /__metadata__ must map names to strings/],
  ])("explains %s", async (_, content, message) => {
    await writeFile(path, content);
    const error = await openSafetensors(path).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ModelError);
    expect(error.message).toMatch(message);
    expect(error.message).toContain(path);
  });

  it("refuses a header over 100 MB even where the file is that large", async () => {
    await writeFile(path, fileWith({}, 0).fill(Buffer.from([1, 0xe1, 0xf5, 5]), 0, 4));
    await truncate(path, 200_000_000);
    await expect(openSafetensors(path)).rejects.toThrow("at most 100000000 bytes (the format's limit), got 100000001.");
  });

  it("explains a missing file and a folder", async () => {
    await expect(openSafetensors(join(folder, "absent"))).rejects.toThrow(
      /must be a safetensors file, got no such file/,
    );
    await expect(openSafetensors(folder)).rejects.toThrow(/must be a safetensors file, got a folder/);
  });

  it("throws nothing but ModelError for any damaged byte or cut", async () => {
    const intact = await readFile(join(golden, "mixed.safetensors"));
    const damage = fc.record({
      flips: fc.array(fc.record({ at: fc.nat(700), to: fc.nat(255) }), { maxLength: 3 }),
      length: fc.oneof(fc.constant(intact.length), fc.nat(intact.length)),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ flips, length }) => {
        const bytes = Buffer.from(intact.subarray(0, length));
        for (const { at, to } of flips) if (at < bytes.length) bytes[at] = to;
        await writeFile(path, bytes);
        const error = await readAll(path).catch((thrown) => thrown);
        expect(error instanceof Map || error instanceof ModelError, String(error)).toBe(true);
      }),
      { numRuns: 300, seed: 2 },
    );
  });

  it("throws nothing but ModelError for any JSON in the header", async () => {
    const entry = fc.record(
      {
        dtype: fc.oneof(fc.constantFrom("F32", "BF16", "F64", "I64"), fc.jsonValue()),
        shape: fc.oneof(fc.array(fc.integer({ min: -1, max: 3 }), { maxLength: 3 }), fc.jsonValue()),
        data_offsets: fc.oneof(fc.tuple(fc.nat(16), fc.nat(16)), fc.jsonValue()),
      },
      { requiredKeys: [] },
    );
    const header = fc.oneof(fc.jsonValue(), fc.dictionary(fc.oneof(fc.string(), fc.constant("__metadata__")), entry));
    await fc.assert(
      fc.asyncProperty(header, fc.nat(16), async (value, dataBytes) => {
        await writeFile(path, fileWith(value, dataBytes));
        const error = await readAll(path).catch((thrown) => thrown);
        expect(error instanceof Map || error instanceof ModelError, String(error)).toBe(true);
      }),
      { numRuns: 300, seed: 3 },
    );
  });

  it("explains a file that became shorter after it was opened", async () => {
    await writeFile(path, fileWith({ a: f32([4], 0, 16) }, 16));
    await using file = await openSafetensors(path);
    const { start } = file.info("a");
    await truncate(path, start + 4);
    await expect(file.readFloat32("a")).rejects.toThrow(`must have a byte at ${start + 4}, got the end of the file.`);
  });
});
