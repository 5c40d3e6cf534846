/**
 * @file A small random generator whose whole state is four numbers, so that a checkpoint can carry it.
 *
 * xoshiro128** by Blackman & Vigna 2018, "Scrambled linear pseudorandom number generators" (arXiv:1805.01407),
 * seeded through SplitMix32 so that neighbouring seeds give unrelated streams.
 */

/** Four unsigned 32-bit integers, not all zero. */
export type RandomState = readonly [number, number, number, number];

/** A stream of random numbers. */
export interface Random {
  /** An integer in [0, 2³²). */
  nextUint32(): number;
  /** A number in [0, 1) with 53 random bits. */
  nextFloat(): number;
  /** An integer in [0, bound), without bias. `bound` is an integer in [1, 2³²]. */
  nextBelow(bound: number): number;
  /** What {@link restoreRandom} needs to continue the stream from here. */
  state(): RandomState;
}

const rotateLeft = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

// The finalizer of SplitMix32: every bit of the input changes about half of the output's.
function scramble(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/**
 * Starts the stream that a seed names.
 *
 * @param seed - any integer up to 2⁵³.
 * @param stream - a second integer, for independent streams under one seed (an epoch, a purpose).
 */
export function createRandom(seed: number, stream = 0): Random {
  let counter = 0;
  for (const word of [seed, Math.floor(seed / 2 ** 32), stream]) counter = scramble((counter ^ word) + 0x9e3779b9);
  const next = (): number => {
    counter = (counter + 0x9e3779b9) | 0;
    return scramble(counter);
  };
  return restoreRandom([next(), next(), next(), next()]);
}

/** Continues a stream from a state that {@link Random.state} returned. */
export function restoreRandom(state: RandomState): Random {
  let [a, b, c, d] = state;
  const nextUint32 = (): number => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return result;
  };
  return {
    nextUint32,
    nextFloat: () => ((nextUint32() >>> 5) * 2 ** 26 + (nextUint32() >>> 6)) / 2 ** 53,
    nextBelow(bound) {
      // Values from the last, incomplete block of `bound` would favour small results: draw again.
      const limit = 2 ** 32 - (2 ** 32 % bound);
      for (;;) {
        const value = nextUint32();
        if (value < limit) return value % bound;
      }
    },
    state: () => [a >>> 0, b >>> 0, c >>> 0, d >>> 0],
  };
}

/** Shuffles in place (Fisher–Yates): every order is equally likely. */
export function shuffle(items: { [index: number]: number; readonly length: number }, random: Random): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.nextBelow(i + 1);
    const held = items[i]!;
    items[i] = items[j]!;
    items[j] = held;
  }
}
