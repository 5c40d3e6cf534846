/** @file Reads the numbers, texts and lists of a GGUF header one after the other, never past the file's end. */

import { ModelError, show } from "../../errors.js";

export const damagedHint = "The file is damaged or was cut short: download or write it again.";

/** Longer lists are refused: the longest that models have are merges, below a million. */
const listLengthAtMost = 2 ** 24;

/** What goes on after the bytes that were given: read more of the file and begin again. */
export class MoreBytesNeeded extends Error {}

/** A value of the metadata. 64-bit integers that a number cannot hold are bigints. */
export type MetadataValue = number | bigint | boolean | string | readonly (number | bigint | boolean | string)[];

/** Reads on from the beginning of a file. */
export class Cursor {
  readonly #path: string;
  readonly #bytes: Buffer;
  readonly #fileBytes: number;
  /** Fatal, and keeps a byte order mark: vocabularies have tokens that are one. */
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #position = 0;

  /** @param bytes - the file's first bytes. */
  constructor(path: string, bytes: Buffer, fileBytes: number) {
    this.#path = path;
    this.#bytes = bytes;
    this.#fileBytes = fileBytes;
  }

  get position(): number {
    return this.#position;
  }

  uint32(): number {
    return this.#bytes.readUInt32LE(this.#advance(4));
  }

  /** A 64-bit count or offset; one that a number cannot hold becomes infinite, which no check lets pass. */
  size(): number {
    const value = Number(this.#bytes.readBigUInt64LE(this.#advance(8)));
    return Number.isSafeInteger(value) ? value : Number.POSITIVE_INFINITY;
  }

  text(): string {
    const length = this.size();
    const start = this.#advance(length);
    const bytes = this.#bytes.subarray(start, start + length);
    try {
      return this.#decoder.decode(bytes);
    } catch (cause) {
      const got = show(bytes.subarray(0, 40).toString());
      throw this.error(`text at byte ${start} must be UTF-8, got ${got}`, cause);
    }
  }

  /** A number that announces how many things follow, each of `bytesAtLeast`. */
  count(what: string, bytesAtLeast: number): number {
    const count = this.size();
    const possible = Math.min(listLengthAtMost, Math.floor((this.#fileBytes - this.#position) / bytesAtLeast));
    if (count <= possible) return count;
    throw this.error(`at byte ${this.#position - 8} must announce at most ${possible} ${what}, got ${count}`);
  }

  /** A type's number and a value of that type. */
  value(): MetadataValue {
    const type = this.uint32();
    if (type !== listType) return this.#scalar(type);
    const itemType = this.uint32();
    const bytesAtLeast = itemType === stringType ? 8 : 1;
    return Array.from({ length: this.count("list items", bytesAtLeast) }, () => this.#scalar(itemType));
  }

  error(problem: string, cause?: unknown): ModelError {
    return new ModelError(`"${this.#path}": header ${problem}.`, { hint: damagedHint, cause });
  }

  #scalar(type: number): number | bigint | boolean | string {
    if (type === stringType) return this.text();
    const read = scalarReaders[type];
    if (read === undefined) {
      throw this.error(`at byte ${this.#position} must have a value of type 0 to 12, got type ${type}`);
    }
    return read.from(this.#bytes, this.#advance(read.bytes));
  }

  /** @returns where `length` bytes begin, which are now behind. */
  #advance(length: number): number {
    const start = this.#position;
    if (start + length > this.#fileBytes) {
      throw this.error(`must end within the file's ${this.#fileBytes} bytes, got ${length} more at byte ${start}`);
    }
    if (start + length > this.#bytes.length) throw new MoreBytesNeeded();
    this.#position = start + length;
    return start;
  }
}

const stringType = 8;
const listType = 9;

interface ScalarReader {
  readonly bytes: number;
  from(bytes: Buffer, at: number): number | bigint | boolean;
}

const reader = (bytes: number, from: ScalarReader["from"]): ScalarReader => ({ bytes, from });

/** By the type's number. */
const scalarReaders: { readonly [type: number]: ScalarReader } = {
  0: reader(1, (bytes, at) => bytes.readUInt8(at)),
  1: reader(1, (bytes, at) => bytes.readInt8(at)),
  2: reader(2, (bytes, at) => bytes.readUInt16LE(at)),
  3: reader(2, (bytes, at) => bytes.readInt16LE(at)),
  4: reader(4, (bytes, at) => bytes.readUInt32LE(at)),
  5: reader(4, (bytes, at) => bytes.readInt32LE(at)),
  6: reader(4, (bytes, at) => bytes.readFloatLE(at)),
  7: reader(1, (bytes, at) => bytes[at] !== 0),
  10: reader(8, (bytes, at) => narrow(bytes.readBigUInt64LE(at))),
  11: reader(8, (bytes, at) => narrow(bytes.readBigInt64LE(at))),
  12: reader(8, (bytes, at) => bytes.readDoubleLE(at)),
};

function narrow(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
