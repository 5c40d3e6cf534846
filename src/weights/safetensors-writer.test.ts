/** @file Safetensors files that we write: identity, rounding, and nothing left behind by a failure. */

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSafetensors } from "./safetensors-reader.js";
import { type NamedTensor, writeSafetensors } from "./safetensors-writer.js";

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "limbeck-safetensors-"));
  path = join(folder, "file.safetensors");
});
afterAll(() => rm(folder, { recursive: true }));

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

describe("writeSafetensors", () => {
  const vector = (name: string, ...values: number[]): NamedTensor => ({
    name,
    shape: [values.length],
    data: Float32Array.from(values),
  });

  it("writes float32 that reads back bit for bit", async () => {
    const tensors = fc.uniqueArray(
      fc.record({
        name: fc.string({ unit: "grapheme" }),
        bits: fc.uint32Array({ maxLength: 20 }),
        rows: fc.constantFrom(1, 2),
      }),
      { selector: ({ name }) => name, maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(tensors, async (list) => {
        const named = list.map(({ name, bits, rows }) => {
          const shape = bits.length % rows === 0 ? [rows, bits.length / rows] : [bits.length];
          return { name, shape, data: new Float32Array(bits.buffer) };
        });
        await writeSafetensors(path, named);
        await using file = await openSafetensors(path);
        expect(file.names()).toEqual(named.map(({ name }) => name).sort());
        for (const { name, shape, data } of named) {
          expect(file.info(name)).toMatchObject({ dtype: "F32", shape });
          expect(bytesOf(await file.readFloat32(name))).toEqual(bytesOf(data));
        }
      }),
      { numRuns: 100, seed: 4 },
    );
  });

  it.each([
    { dtype: "float16", stored: "F16", rounded: [0.0999755859375, 65504, 2 ** -24] },
    { dtype: "bfloat16", stored: "BF16", rounded: [0.10009765625, 65536, 2 ** -24] },
  ] as const)("rounds to $dtype", async ({ dtype, stored, rounded }) => {
    await writeSafetensors(path, [vector("a", 0.1, 65504, 2 ** -24)], { dtype });
    await using file = await openSafetensors(path);
    expect(file.info("a").dtype).toBe(stored);
    expect([...(await file.readFloat32("a"))]).toEqual(rounded);
  });

  it("converts tensors larger than a piece", async () => {
    const data = Float32Array.from({ length: 2 ** 20 + 3 }, (_, i) => (i % 251) - 125);
    await writeSafetensors(path, [{ name: "a", shape: [data.length], data: () => data }], { dtype: "bfloat16" });
    await using file = await openSafetensors(path);
    expect(Buffer.compare(bytesOf(await file.readFloat32("a")), bytesOf(data))).toBe(0);
  });

  it("starts the data at a multiple of 8 bytes and keeps the metadata", async () => {
    for (const note of ["", "a", "ab", "abcdefg"]) {
      await writeSafetensors(path, [vector("a", 1)], { metadata: { note } });
      await using file = await openSafetensors(path);
      expect(file.info("a").start % 8).toBe(0);
      expect(file.metadata).toEqual({ note });
    }
  });

  it("asks for lazy data one tensor after the other, by name", async () => {
    const asked: string[] = [];
    const lazy = (name: string) => ({
      name,
      shape: [1],
      data: async () => {
        asked.push(name);
        return Float32Array.of(1);
      },
    });
    await writeSafetensors(path, [lazy("b"), lazy("a")]);
    expect(asked).toEqual(["a", "b"]);
  });

  it.each<[string, NamedTensor[], RegExp]>([
    [
      "a value too large for float16",
      [vector("a", 1, 65520)],
      /tensor "a": values must fit into float16, got 65520 at index 1/,
    ],
    [
      "data that does not fill the shape",
      [{ ...vector("a", 1), shape: [2] }],
      /data must hold 2 values for shape \[2\], got 1/,
    ],
    ["a repeated name", [vector("a", 1), vector("a", 2)], /names must be unique, got "a" again/],
    ["the format's own key", [vector("__metadata__", 1)], /names must be unique, got "__metadata__" again/],
    ["data that cannot be had", [{ name: "a", shape: [1], data: () => Promise.reject(new Error("gone")) }], /gone/],
  ])("leaves the old file and nothing else after %s", async (_, tensors, message) => {
    await writeSafetensors(path, [vector("old", 1)]);
    await expect(writeSafetensors(path, tensors, { dtype: "float16" })).rejects.toThrow(message);
    await using file = await openSafetensors(path);
    expect(file.names()).toEqual(["old"]);
    expect(await readdir(folder)).toEqual(["file.safetensors"]);
  });
});
