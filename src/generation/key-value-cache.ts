/**
 * @file What attention remembers of each sequence: buffers that JavaScript owns, into which only new rows are written.
 *
 * A sequence's positions fill slots 0, 1, 2, … of its part of every buffer. Feeding a buffer copies nothing; growing copies it
 * whole, so it grows by a share of itself, and the cost per token stays flat.
 */

import type { CacheShape } from "../models/architecture.js";
import type { Feeds } from "../runtime/executor.js";
import { float32Tensor, type HostTensor, int32Tensor } from "../runtime/tensor.js";

/** A document that no token has: the slot is empty. */
const emptySlot = -1;
/** Slots are reserved in multiples of this. */
const slotBlock = 64;

export class KeyValueCache {
  /** Tokens held of each sequence. */
  readonly lengths: number[];
  readonly #shape: CacheShape;
  #slots = 0;
  /** Keys and values of layer 0, of layer 1, …, each `[sequences, keyValueHeads, slots, headDim]`. */
  #memories: Float32Array[];
  /** `[sequences, slots]`. */
  #documents = new Int32Array(0);
  #feeds: Feeds | undefined;

  constructor(shape: CacheShape, sequences: number) {
    this.#shape = shape;
    this.lengths = new Array<number>(sequences).fill(0);
    this.#memories = Array.from({ length: 2 * shape.layers }, () => new Float32Array(0));
  }

  /** Makes room for `counts[i]` more tokens of sequence i; there is always at least one slot. */
  reserve(counts: readonly number[]): void {
    const needed = this.lengths.reduce((most, length, i) => Math.max(most, length + counts[i]!), 1);
    if (needed <= this.#slots) return;
    const wanted = Math.max(needed, Math.ceil(1.25 * this.#slots));
    this.#rebuild(
      this.lengths.map((_, sequence) => sequence),
      Math.ceil(wanted / slotBlock) * slotBlock,
    );
  }

  /**
   * Keeps these sequences, in this order; one may be kept more than once. A cache of one sequence that holds a shared beginning
   * becomes the beginning of many: `cache.keep([0, 0, 0])`.
   */
  keep(sequences: readonly number[]): void {
    this.#rebuild(sequences, this.#slots);
    this.lengths.splice(0, this.lengths.length, ...sequences.map((sequence) => this.lengths[sequence]!));
  }

  /** A new cache of so many sequences, each of which begins with what the one sequence of this cache holds. */
  fork(sequences: number): KeyValueCache {
    const forked = new KeyValueCache(this.#shape, 1);
    forked.lengths[0] = this.lengths[0]!;
    forked.#slots = this.#slots;
    forked.#memories = this.#memories;
    forked.keep(new Array<number>(sequences).fill(0)); // copies
    return forked;
  }

  /** What the program is fed: the same tensors until room is made or sequences go. */
  feeds(): Feeds {
    this.#feeds ??= this.#makeFeeds();
    return this.#feeds;
  }

  /**
   * Writes new rows behind those that are there.
   *
   * @param rows - `[2 * layers, sequences, keyValueHeads, tokens, headDim]`; of sequence i the first `counts[i]` tokens count.
   */
  append(counts: readonly number[], rows: Float32Array): void {
    const { keyValueHeads, headDim } = this.#shape;
    const stride = rows.length / (this.#memories.length * this.lengths.length * keyValueHeads); // tokens * headDim
    let from = 0;
    for (const memory of this.#memories) {
      for (const [sequence, length] of this.lengths.entries()) {
        const size = counts[sequence]! * headDim;
        for (let head = 0; head < keyValueHeads; head++, from += stride) {
          const to = ((sequence * keyValueHeads + head) * this.#slots + length) * headDim;
          for (let i = 0; i < size; i++) memory[to + i] = rows[from + i]!;
        }
      }
    }
    for (const [sequence, length] of this.lengths.entries()) {
      const end = length + counts[sequence]!;
      this.#documents.fill(0, sequence * this.#slots + length, sequence * this.#slots + end);
      this.lengths[sequence] = end;
    }
  }

  #makeFeeds(): Feeds {
    const { keyValueHeads, headDim } = this.#shape;
    const sequences = this.lengths.length;
    const slots = this.#slots;
    const dims = [sequences, keyValueHeads, slots, headDim];
    const positions = Int32Array.from({ length: sequences * slots }, (_, i) => i % slots);
    const feeds: Record<string, HostTensor> = {
      "past.positions": int32Tensor([sequences, slots], positions),
      "past.documents": int32Tensor([sequences, slots], this.#documents),
    };
    for (const [i, memory] of this.#memories.entries()) {
      feeds[`past.${i % 2 === 0 ? "keys" : "values"}.${i >> 1}`] = float32Tensor(dims, memory);
    }
    return feeds;
  }

  /** New buffers with these of the present sequences. */
  #rebuild(sequences: readonly number[], slots: number): void {
    const { keyValueHeads, headDim } = this.#shape;
    this.#memories = this.#memories.map((old) => {
      const memory = new Float32Array(sequences.length * keyValueHeads * slots * headDim);
      for (const [to, from] of sequences.entries()) {
        for (let head = 0; head < keyValueHeads; head++) {
          const start = (from * keyValueHeads + head) * this.#slots * headDim;
          const held = old.subarray(start, start + this.lengths[from]! * headDim);
          memory.set(held, (to * keyValueHeads + head) * slots * headDim);
        }
      }
      return memory;
    });
    const documents = new Int32Array(sequences.length * slots).fill(emptySlot);
    for (const [to, from] of sequences.entries()) documents.fill(0, to * slots, to * slots + this.lengths[from]!);
    this.#documents = documents;
    this.#slots = slots;
    this.#feeds = undefined;
  }
}
