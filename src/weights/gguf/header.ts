/**
 * @file The header of a GGUF file: metadata, and which tensor has which bytes. Trusts nothing.
 *
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */

import type { FileHandle } from "node:fs/promises";
import { ModelError, show, UnsupportedError } from "../../errors.js";
import { readExactly } from "../read-file.js";
import { elementCount } from "../safetensors-header.js";
import type { StoredTensor } from "../weights-file.js";
import { Cursor, damagedHint, type MetadataValue, MoreBytesNeeded } from "./cursor.js";
import { nameOfType, type TensorType, tensorTypes } from "./tensor-types.js";

export interface GgufTensor extends StoredTensor {
  readonly type: TensorType;
  /** Slowest axis first, as in Hugging Face files; GGUF writes the fastest first. */
  readonly shape: readonly number[];
  /** First byte within the file. */
  readonly start: number;
  /** One past the last byte within the file. */
  readonly end: number;
}

export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, MetadataValue>;
  /** In the order of their bytes. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

/** What is read at first; headers are some hundred bytes to some ten megabytes. */
const firstBytes = 2 ** 22;
/** An empty text, a type and one byte. */
const keyBytesAtLeast = 13;
/** An empty name, no sizes, type and offset. */
const tensorBytesAtLeast = 24;

/**
 * Reads and validates the header.
 *
 * @throws ModelError if it is damaged, contradicts itself or the file's size; UnsupportedError for a version or a tensor type that is not read.
 */
export async function readHeader(handle: FileHandle, path: string, fileBytes: number): Promise<GgufHeader> {
  for (let length = firstBytes; ; length *= 4) {
    const bytes = Buffer.alloc(Math.min(length, fileBytes));
    await readExactly(handle, bytes, 0, path);
    try {
      return parseHeader(new Cursor(path, bytes, fileBytes), path, fileBytes);
    } catch (error) {
      if (!(error instanceof MoreBytesNeeded)) throw error;
    }
  }
}

function parseHeader(cursor: Cursor, path: string, fileBytes: number): GgufHeader {
  expectVersion(cursor, path);
  const tensorCount = cursor.count("tensors", tensorBytesAtLeast);
  const keyCount = cursor.count("keys", keyBytesAtLeast);
  const metadata = new Map<string, MetadataValue>();
  for (let i = 0; i < keyCount; i++) {
    const key = cursor.text();
    if (metadata.has(key)) throw cursor.error(`must have each key once, got ${show(key)} twice`);
    metadata.set(key, cursor.value());
  }
  const entries = Array.from({ length: tensorCount }, () => readEntry(cursor));

  const alignment = metadata.get("general.alignment") ?? 32;
  if (typeof alignment !== "number" || !(alignment >= 8) || alignment % 8 !== 0) {
    throw cursor.error(`must have a general.alignment that is a multiple of 8, got ${show(String(alignment))}`);
  }
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  const place = { path, dataStart, alignment, fileBytes };
  return {
    metadata,
    tensors: orderTensors(
      entries.map((entry) => placeTensor(entry, place)),
      path,
    ),
  };
}

function expectVersion(cursor: Cursor, path: string): void {
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(cursor.uint32());
  const start = magic.toString("latin1");
  if (start !== "GGUF") {
    throw new ModelError(`"${path}": must begin with "GGUF", got ${show(start)}.`, {
      hint: start === "vers" ? "This looks like a Git LFS pointer: fetch it with `git lfs pull`." : damagedHint,
    });
  }
  const version = cursor.uint32();
  if (version === 2 || version === 3) return;
  const isBigEndian = version !== 0 && (version & 0xffff) === 0;
  throw new UnsupportedError(
    `"${path}": must be GGUF of version 2 or 3, got ${isBigEndian ? "big-endian numbers" : version}.`,
    { hint: "Convert the model again with a current llama.cpp." },
  );
}

interface Entry {
  readonly name: string;
  /** Fastest axis first. */
  readonly sizes: readonly number[];
  readonly type: number;
  readonly offset: number;
}

function readEntry(cursor: Cursor): Entry {
  const name = cursor.text();
  const dimensions = cursor.uint32();
  if (dimensions < 1 || dimensions > 4) {
    throw cursor.error(`must give tensor ${show(name)} 1 to 4 sizes, got ${dimensions}`);
  }
  const sizes = Array.from({ length: dimensions }, () => cursor.size());
  return { name, sizes, type: cursor.uint32(), offset: cursor.size() };
}

interface Place {
  readonly path: string;
  readonly dataStart: number;
  readonly alignment: number;
  readonly fileBytes: number;
}

function placeTensor({ name, sizes, type: number, offset }: Entry, place: Place): [string, GgufTensor] {
  const where = `"${place.path}": tensor ${show(name)}`;
  const type = tensorTypes.get(number);
  if (type === undefined) {
    const known = [...tensorTypes.values()].map((each) => each.name).join(", ");
    throw new UnsupportedError(`${where}: type must be one of ${known}, got ${nameOfType(number)}.`, {
      hint: "Use a file of the same model in another quantization, such as Q8_0 or Q4_K_M.",
      details: { tensor: name, type: number },
    });
  }
  const elements = elementCount(sizes);
  if (!Number.isSafeInteger(elements) || elements < 1) {
    throw new ModelError(`${where}: sizes must be above 0 and multiply to what a file can hold, got ${sizes}.`, {
      hint: damagedHint,
    });
  }
  if (sizes[0]! % type.elements !== 0) {
    throw new ModelError(`${where}: rows of ${type.name} must be multiples of ${type.elements}, got ${sizes[0]}.`, {
      hint: damagedHint,
    });
  }
  const start = place.dataStart + offset;
  const end = start + (elements / type.elements) * type.bytes;
  if (offset % place.alignment !== 0) {
    throw new ModelError(`${where}: offset must be a multiple of ${place.alignment}, got ${offset}.`, {
      hint: damagedHint,
    });
  }
  if (end > place.fileBytes) {
    throw new ModelError(`${where}: must end within the file's ${place.fileBytes} bytes, got an end at byte ${end}.`, {
      hint: damagedHint,
    });
  }
  return [name, { dtype: type.name, type, shape: sizes.toReversed(), start, end }];
}

function orderTensors(tensors: readonly [string, GgufTensor][], path: string): ReadonlyMap<string, GgufTensor> {
  const ordered = tensors.toSorted(([, a], [, b]) => a.start - b.start);
  for (const [i, [name, { start }]] of ordered.entries()) {
    const before = ordered[i - 1];
    if (before === undefined || before[1].end <= start) continue;
    throw new ModelError(
      `"${path}": tensor ${show(name)} must start after ${show(before[0])}, which ends at byte ${before[1].end}, got byte ${start}.`,
      { hint: damagedHint },
    );
  }
  const byName = new Map(ordered);
  if (byName.size === ordered.length) return byName;
  throw new ModelError(`"${path}": tensors must have distinct names, got ${byName.size} for ${ordered.length}.`, {
    hint: damagedHint,
  });
}
