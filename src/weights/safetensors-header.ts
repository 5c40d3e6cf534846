/**
 * @file The header of a safetensors file: 8 bytes of length, then JSON `{ name: { dtype, shape, data_offsets } }`, then the
 * tensors' bytes without a gap. Reading trusts nothing; writing aligns the data to 8 bytes.
 *
 * @see https://github.com/huggingface/safetensors, "Format"
 */

import { ModelError, show } from "../errors.js";

const bytesPerElement = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  F8_E8M0: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
  C64: 8,
} as const;

/** Element type, as the file spells it. */
export type TensorDtype = keyof typeof bytesPerElement;

/** What a file says about one of its tensors. */
export interface TensorInfo {
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  /** First byte within the file. */
  readonly start: number;
  /** One past the last byte within the file. */
  readonly end: number;
}

/** A validated header. */
export interface SafetensorsHeader {
  /** In the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Longer headers are refused, here and by the reference implementation. */
export const maximumHeaderBytes = 100_000_000;

/** The format needs 3; what is nested a million deep could not even be shown in a message. */
const maximumDepth = 32;

/** Bytes before the header: its length. */
export const prefixBytes = 8;

/**
 * Parses and validates the JSON part of a header.
 *
 * @param json - the header's bytes, without the 8 bytes of length.
 * @param fileBytes - size of the whole file.
 * @throws ModelError naming the file, the tensor, what was expected and what was found.
 */
export function parseHeader(json: Uint8Array, path: string, fileBytes: number): SafetensorsHeader {
  const { source, value: entries } = decodeJson(json, path);
  const repeated = firstRepeated(topLevelKeys(source, path));
  if (repeated !== undefined) {
    throw new ModelError(`"${path}": tensor ${show(repeated)} must be named once in the header, got it twice.`);
  }
  const dataStart = prefixBytes + json.length;
  const tensors = Object.entries(entries)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => [name, readEntry(entry, `"${path}": tensor ${show(name)}`, dataStart)] as const)
    .sort(([, a], [, b]) => a.start - b.start || a.end - b.end);
  expectGapless(tensors, path, dataStart, fileBytes);
  return { tensors: new Map(tensors), metadata: readMetadata(entries.__metadata__, path) };
}

/** The first bytes of a file, length included, for tensors that follow in this order; padded so that data starts at a multiple of 8. */
export function formatHeader(
  tensors: readonly { readonly name: string; readonly dtype: TensorDtype; readonly shape: readonly number[] }[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries: [string, unknown][] = Object.keys(metadata).length > 0 ? [["__metadata__", metadata]] : [];
  let offset = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = offset + elementCount(shape) * bytesPerElement[dtype];
    entries.push([name, { dtype, shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = Buffer.from(
    `{${entries.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`).join()}}`,
  );
  const header = Buffer.alloc(prefixBytes + Math.ceil(json.length / 8) * 8, " ");
  header.writeBigUInt64LE(BigInt(header.length - prefixBytes));
  header.set(json, prefixBytes);
  return header;
}

/** How many elements a shape holds; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function decodeJson(json: Uint8Array, path: string): { source: string; value: Record<string, unknown> } {
  let source: string;
  let value: unknown;
  try {
    source = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(json);
    value = JSON.parse(source);
  } catch (error) {
    throw new ModelError(`"${path}": header must be JSON, got ${show(Buffer.from(json.subarray(0, 40)).toString())}.`, {
      hint: "Check that it is a safetensors file, and download or write it again.",
      cause: error,
    });
  }
  if (!isObject(value))
    throw new ModelError(
      `"${path}": header must be a JSON object, got ${Array.isArray(value) ? "a list" : show(value)}.`,
    );
  return { source, value };
}

/** Strings at depth 1 of valid JSON: the keys that `JSON.parse` merges silently when they repeat. */
function topLevelKeys(source: string, path: string): string[] {
  const keys: string[] = [];
  let depth = 0;
  for (let i = 0; i < source.length; i++) {
    const character = source[i];
    if (character === "{" || character === "[") {
      if (++depth > maximumDepth)
        throw new ModelError(`"${path}": header must be nested at most ${maximumDepth} deep, got more.`);
    } else if (character === "}" || character === "]") depth--;
    else if (character === '"') {
      const start = i++;
      for (; source[i] !== '"'; i++) if (source[i] === "\\") i++;
      if (depth === 1) keys.push(JSON.parse(source.slice(start, i + 1)));
    }
  }
  return keys;
}

function firstRepeated(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name).size);
}

function readEntry(entry: unknown, where: string, dataStart: number): TensorInfo {
  if (!isObject(entry)) throw new ModelError(`${where}: entry must be an object, got ${show(entry)}.`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(bytesPerElement, dtype)) {
    throw new ModelError(
      `${where}: dtype must be one of ${Object.keys(bytesPerElement).join(", ")}, got ${show(dtype)}.`,
    );
  }
  if (!isListOfSizes(shape)) throw new ModelError(`${where}: shape must be a list of sizes, got ${show(shape)}.`);
  if (!isListOfSizes(offsets) || offsets.length !== 2) {
    throw new ModelError(`${where}: data_offsets must be [start, end] in bytes, got ${show(offsets)}.`);
  }
  const [start, end] = offsets as [number, number];
  const known = dtype as TensorDtype;
  const bytes = elementCount(shape) * bytesPerElement[known];
  if (end - start !== bytes) {
    throw new ModelError(
      `${where}: data_offsets must span ${bytes} bytes for ${dtype} ${show(shape)}, got ${show(offsets)} (${end - start} bytes).`,
    );
  }
  return { dtype: known, shape, start: dataStart + start, end: dataStart + end };
}

function expectGapless(
  tensors: readonly (readonly [string, TensorInfo])[],
  path: string,
  dataStart: number,
  fileBytes: number,
): void {
  let expected = dataStart;
  let previous = "";
  for (const [name, { start, end }] of tensors) {
    if (start !== expected) {
      const problem = start < expected ? `overlaps ${show(previous)}` : "leaves a gap before it";
      throw new ModelError(
        `"${path}": tensor ${show(name)} must start at data offset ${expected - dataStart}, got ${start - dataStart}, which ${problem}.`,
      );
    }
    if (end > fileBytes) {
      throw new ModelError(
        `"${path}": tensor ${show(name)} must end within the file's ${fileBytes} bytes, got an end at byte ${end}.`,
        { hint: "The file is truncated: download or write it again." },
      );
    }
    expected = end;
    previous = name;
  }
  if (expected !== fileBytes) {
    throw new ModelError(`"${path}": must end with its last tensor at byte ${expected}, got ${fileBytes} bytes.`);
  }
}

function readMetadata(metadata: unknown, path: string): Readonly<Record<string, string>> {
  if (metadata === undefined || metadata === null) return {};
  if (!isObject(metadata) || Object.values(metadata).some((value) => typeof value !== "string")) {
    throw new ModelError(`"${path}": __metadata__ must map names to strings, got ${show(metadata)}.`);
  }
  return metadata as Record<string, string>;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListOfSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
