/**
 * @file A file of a capture: a safetensors file with one tensor per plane, over the response rows of whole blocks, and a header
 * that says what it is. A block's checksum covers every byte of it.
 *
 *     document.rows   U32 [documents]       response rows of each document
 *     document.bytes  U32 [documents]       bytes of each document in the plane without fixed rows, where there is one
 *     document.keys   U8  [documents, 16]   what each document is found by
 *     …               [rows, width]         the planes of the codec
 */

import { createHash } from "node:crypto";
import { LimbeckError, type LimbeckError as Problem } from "../../errors.js";
import { openSafetensors, type SafetensorsFile } from "../../weights/index.js";
import { type StoredBytes, writeStoredTensors } from "../../weights/safetensors-writer.js";
import { bytesOf, bytesPerRow, type Plane, type PlaneBytes, type SignalCodec } from "./codec.js";
import { type CaptureDescription, captureKey, codecOf, parseDescription } from "./description.js";
import { documentKeyBytes } from "./document-key.js";

/** One document as it is stored. */
export interface StoredDocument {
  readonly key: string;
  readonly rows: number;
  readonly planes: PlaneBytes;
}

/** A block as the header lists it. */
interface BlockEntry {
  readonly number: number;
  readonly documents: number;
  readonly checksum: string;
}

const rowsPlane: Plane = { name: "document.rows", dtype: "U32", width: 1 };
const sizesPlane: Plane = { name: "document.bytes", dtype: "U32", width: 1 };
const keysPlane: Plane = { name: "document.keys", dtype: "U8", width: documentKeyBytes };

/** Writes one block to a file of its own. */
export async function writeBlock(
  path: string,
  description: CaptureDescription,
  number: number,
  documents: readonly StoredDocument[],
): Promise<void> {
  const codec = codecOf(description.stored);
  const planes: Record<string, Uint8Array<ArrayBuffer>> = {
    [rowsPlane.name]: bytesOf(Uint32Array.from(documents, ({ rows }) => rows)),
    [keysPlane.name]: concat(documents.map(({ key }) => new Uint8Array(Buffer.from(key, "hex")))),
  };
  for (const { name, width } of codec.planes) {
    planes[name] = concat(documents.map((document) => document.planes[name]!));
    if (width === undefined)
      planes[sizesPlane.name] = bytesOf(Uint32Array.from(documents, (document) => document.planes[name]!.length));
  }
  const entry = { number, documents: documents.length, checksum: checksumOf(codec, (name) => planes[name]!) };
  const rows = documents.reduce((sum, document) => sum + document.rows, 0);
  const tensors = allPlanes(codec).map((plane) => ({
    ...shapeOf(plane, documents.length, rows, planes[plane.name]!.length),
    pieces: [planes[plane.name]!],
  }));
  await writeStoredTensors(path, tensors, metadataOf(description, [entry]));
}

/** Joins files of blocks that follow each other into one. Every block is checked on the way. */
export async function joinShards(path: string, shards: readonly Shard[]): Promise<void> {
  const [first] = shards;
  const { description } = first!;
  const codec = codecOf(description.stored);
  for (const shard of shards) await shard.check();
  const sum = (count: (shard: Shard) => number) => shards.reduce((total, shard) => total + count(shard), 0);
  const tensors = allPlanes(codec).map((plane): StoredBytes => {
    const bytes = sum((shard) => shard.bytesOf(plane.name));
    return {
      ...shapeOf(
        plane,
        sum(({ documents }) => documents.length),
        sum(({ rows }) => rows),
        bytes,
      ),
      pieces: inTurn(shards, plane.name),
    };
  });
  const entries = shards.flatMap(({ blocks }) => blocks);
  await writeStoredTensors(path, tensors, metadataOf(description, entries));
}

/**
 * Opens a file of a capture.
 *
 * @throws LimbeckError `CACHE` where it is damaged, or says that it belongs to another capture.
 */
export async function openShard(path: string, expected: CaptureDescription): Promise<Shard> {
  const file = await openSafetensors(path).catch((cause: Problem) => {
    throw damaged(path, cause.message, cause);
  });
  try {
    const { description: text = "", blocks: list = "", checksum } = file.metadata;
    if (sha256([text, list]) !== checksum) throw damaged(path, "a header that does not agree with its checksum");
    const description = parseDescription(text, path);
    const [own, wanted] = [captureKey(description), captureKey(expected)];
    if (own !== wanted) {
      throw new LimbeckError(
        "CACHE",
        `"${path}": belongs to another capture, of teacher "${description.teacher.name}" (key ${own.slice(0, 12)}…, expected ${wanted.slice(0, 12)}…).`,
        { hint: "Move it away: a file is found by the folder that it lies in." },
      );
    }
    const codec = codecOf(description.stored);
    for (const { name } of allPlanes(codec)) if (!file.has(name)) throw damaged(path, `no tensor "${name}"`);
    const numbers = async (name: string) => new Uint32Array((await readAll(file, name)).buffer);
    const rows = await numbers(rowsPlane.name);
    const sizes = file.has(sizesPlane.name) ? await numbers(sizesPlane.name) : new Uint32Array(rows.length);
    const keys = Buffer.from(await readAll(file, keysPlane.name)).toString("hex");
    return new Shard(file, description, codec, JSON.parse(list) as BlockEntry[], { rows, sizes, keys });
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Where a document lies in the planes. */
export interface DocumentPlace {
  readonly key: string;
  readonly block: number;
  readonly row: number;
  readonly rows: number;
  readonly byte: number;
  readonly bytes: number;
}

/** An open file of a capture. A block is checked when the first of its documents is read. */
export class Shard implements AsyncDisposable {
  readonly description: CaptureDescription;
  readonly blocks: readonly BlockEntry[];
  readonly documents: readonly DocumentPlace[];
  readonly rows: number;
  readonly #file: SafetensorsFile;
  readonly #codec: SignalCodec;
  readonly #checks = new Map<number, Promise<void>>();

  /** @internal Use {@link openShard}. */
  constructor(
    file: SafetensorsFile,
    description: CaptureDescription,
    codec: SignalCodec,
    blocks: readonly BlockEntry[],
    { rows, sizes, keys }: { readonly rows: Uint32Array; readonly sizes: Uint32Array; readonly keys: string },
  ) {
    this.#file = file;
    this.#codec = codec;
    this.description = description;
    this.blocks = blocks;
    const documents: DocumentPlace[] = [];
    let [row, byte] = [0, 0];
    for (const block of blocks.keys()) {
      for (let i = 0; i < blocks[block]!.documents; i++) {
        const at = documents.length;
        const place = { block, row, rows: rows[at] ?? 0, byte, bytes: sizes[at] ?? 0 };
        documents.push({ ...place, key: keys.slice(2 * documentKeyBytes * at, 2 * documentKeyBytes * (at + 1)) });
        row += place.rows;
        byte += place.bytes;
      }
    }
    if (documents.length !== rows.length)
      throw damaged(file.path, `${rows.length} documents in blocks of ${documents.length}`);
    this.documents = documents;
    this.rows = row;
  }

  get path(): string {
    return this.#file.path;
  }

  /** Bytes on disk of one plane. */
  bytesOf(plane: string): number {
    const { start, end } = this.#file.info(plane);
    return end - start;
  }

  get bytesOnDisk(): number {
    return this.#file.bytesOnDisk;
  }

  /** The stored bytes of a plane, in order. */
  readBytes(plane: string): AsyncGenerator<Uint8Array> {
    return this.#file.readBytes(plane);
  }

  /** @throws LimbeckError `CACHE` that names the file and the block where a byte is not what was written. */
  async read(place: DocumentPlace): Promise<PlaneBytes> {
    await this.checkBlock(place.block);
    const ranges = this.#codec.planes.map(
      async (plane) => [plane.name, await this.#range(plane, place, place)] as const,
    );
    return Object.fromEntries(await Promise.all(ranges));
  }

  /** Checks every block. */
  async check(): Promise<void> {
    for (const block of this.blocks.keys()) await this.checkBlock(block);
  }

  /** Checks a block, once. */
  checkBlock(block: number): Promise<void> {
    const check = this.#checks.get(block) ?? this.#check(block);
    this.#checks.set(block, check);
    return check;
  }

  async #check(block: number): Promise<void> {
    const first = this.documents.findIndex((document) => document.block === block);
    const { number, documents, checksum } = this.blocks[block]!;
    const last = first + documents - 1;
    const bytes: Record<string, Uint8Array> = {};
    for (const { name } of this.#codec.planes.length > 0 ? documentPlanes(this.#codec) : []) {
      const width = name === keysPlane.name ? documentKeyBytes : 4;
      bytes[name] = await this.#file.readRange(name, first * width, (last + 1) * width);
    }
    const [from, to] = [this.documents[first]!, this.documents[last]!];
    for (const plane of this.#codec.planes) bytes[plane.name] = await this.#range(plane, from, to);
    if (checksumOf(this.#codec, (name) => bytes[name]!) === checksum) return;
    throw damaged(this.path, `block ${number} with bytes that are not those written (its checksum differs)`);
  }

  /** A plane's bytes from the first document's to the last one's. */
  async #range(plane: Plane, from: DocumentPlace, to: DocumentPlace): Promise<Uint8Array<ArrayBuffer>> {
    try {
      if (plane.width === undefined) return await this.#file.readRange(plane.name, from.byte, to.byte + to.bytes);
      const size = bytesPerRow(plane);
      return await this.#file.readRange(plane.name, from.row * size, (to.row + to.rows) * size);
    } catch (cause) {
      const { number } = this.blocks[from.block]!;
      throw damaged(this.path, `block ${number} with sizes that do not fit: ${(cause as Error).message}`, cause);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** In the order in which they are stored: wide elements first. */
function allPlanes(codec: SignalCodec): readonly Plane[] {
  return [...documentPlanes(codec).filter(({ dtype }) => dtype === "U32"), ...codec.planes, keysPlane];
}

function documentPlanes({ planes }: SignalCodec): readonly Plane[] {
  const isCoded = planes.some(({ width }) => width === undefined);
  return [rowsPlane, ...(isCoded ? [sizesPlane] : []), keysPlane];
}

function shapeOf(plane: Plane, documents: number, rows: number, bytes: number): Omit<StoredBytes, "pieces"> {
  const { name, dtype, width } = plane;
  if (width === undefined) return { name, dtype, shape: [bytes] };
  const lines = name.startsWith("document.") ? documents : rows;
  return { name, dtype, shape: width === 1 ? [lines] : [lines, width] };
}

function checksumOf(codec: SignalCodec, bytes: (plane: string) => Uint8Array): string {
  const hash = createHash("sha256");
  for (const { name } of allPlanes(codec)) hash.update(`${name} ${bytes(name).length} `).update(bytes(name));
  return hash.digest("hex");
}

function metadataOf(description: CaptureDescription, entries: readonly BlockEntry[]): Readonly<Record<string, string>> {
  const [text, blocks] = [JSON.stringify(description), JSON.stringify(entries)];
  return { description: text, blocks, checksum: sha256([text, blocks]) };
}

function sha256(texts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(text).update("\n");
  return hash.digest("hex");
}

async function* inTurn(shards: readonly Shard[], plane: string): AsyncGenerator<Uint8Array> {
  for (const shard of shards) yield* shard.readBytes(plane);
}

async function readAll(file: SafetensorsFile, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const { start, end } = file.info(name);
  return file.readRange(name, 0, end - start);
}

function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

function damaged(path: string, got: string, cause?: unknown): LimbeckError {
  return new LimbeckError("CACHE", `"${path}": must be a file of a capture as it was written, got ${got}.`, {
    hint: "Delete it: limbeck capture asks the teacher again for what is missing.",
    cause,
  });
}
