/** @file A teacher that does not run: what it said of each document is read from captures. */

import type { DistillationBatch } from "../data/batch.js";
import type { TransferDocument } from "../data/transfer-set.js";
import { internalError } from "../errors.js";
import type { Feeds } from "../runtime/executor.js";
import { type CaptureFolder, codecOf, documentKey, openShards } from "../signals/cache/index.js";
import type { DocumentPlace, Shard } from "../signals/cache/shard.js";
import { joinSignals, type SignalPiece } from "../signals/join-signals.js";
import type { TeacherSignal, TeacherSource } from "../signals/teacher-signal.js";

/** Captures that are open, with what each document is found by. */
export class OpenCaptures {
  readonly #shards: readonly Shard[];
  readonly #places = new Map<string, { readonly shard: Shard; readonly place: DocumentPlace }>();

  private constructor(shards: readonly Shard[]) {
    this.#shards = shards;
    for (const shard of shards) for (const place of shard.documents) this.#places.set(place.key, { shard, place });
  }

  static async open(captures: readonly CaptureFolder[]): Promise<OpenCaptures> {
    const shards: Shard[] = [];
    try {
      for (const capture of captures) shards.push(...(await openShards(capture)));
      return new OpenCaptures(shards);
    } catch (error) {
      await Promise.all(shards.map((shard) => shard.close()));
      throw error;
    }
  }

  has(document: TransferDocument): boolean {
    return this.#places.has(documentKey(document));
  }

  /** All rows of one document. */
  async read(document: TransferDocument): Promise<TeacherSignal> {
    const found = this.#places.get(documentKey(document));
    if (!found) throw internalError("a document that was not captured was asked for", { origin: document.origin });
    const { shard, place } = found;
    return codecOf(shard.description.stored).decode(await shard.read(place), place.rows);
  }

  async close(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.close()));
  }
}

/**
 * A teacher whose signals are in captures, whatever the batch: shuffled, packed or a single row.
 *
 * @param captures - closed when the teacher is disposed.
 */
export function makeCachedTeacher(
  captures: OpenCaptures,
  { form, headFeeds }: { readonly form: TeacherSource["form"]; readonly headFeeds: Feeds },
): TeacherSource {
  return {
    form,
    headFeeds,
    async signal(batch) {
      const wanted = piecesOf(batch);
      const signals = await Promise.all(wanted.map(({ document }) => captures.read(document)));
      const pieces = wanted.map(({ from, to }, i): SignalPiece => ({ signal: signals[i]!, from, to }));
      return joinSignals(form, pieces);
    },
    dispose: () => captures.close(),
  };
}

/** The batch's rows as runs of rows of one document. */
function piecesOf({
  rows,
  documents,
}: DistillationBatch): readonly { readonly document: TransferDocument; readonly from: number; readonly to: number }[] {
  const pieces: { document: TransferDocument; from: number; to: number }[] = [];
  let last = -1;
  for (let row = 0; row < rows.count; row++) {
    const [number, offset] = [rows.documents[row]!, rows.offsets[row]!];
    const piece = pieces.at(-1);
    if (piece && number === last && piece.to === offset) piece.to++;
    else pieces.push({ document: documents[number]!, from: offset, to: offset + 1 });
    last = number;
  }
  return pieces;
}
