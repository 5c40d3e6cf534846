/** @file Bits in a row: a writer, a reader, and the codes that sparse signals are made of. Most significant bit first. */

/** Bits that are appended; whole bytes at the end, filled up with zeros. */
export class BitWriter {
  #bytes = new Uint8Array(1024);
  #bits = 0;

  /** The lowest `count` bits of a value below 2³¹. */
  write(value: number, count: number): void {
    while ((this.#bits + count + 7) >>> 3 > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#bytes.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    for (let i = count - 1; i >= 0; i--) {
      if ((value >>> i) & 1) this.#bytes[this.#bits >>> 3]! |= 0x80 >>> (this.#bits & 7);
      this.#bits++;
    }
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, (this.#bits + 7) >>> 3);
  }
}

/** Reads what {@link BitWriter} wrote; past the end it reads zeros. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #bits = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** @param count - at most 31. */
  read(count: number): number {
    if (count > 24) return (this.read(count - 16) << 16) | this.read(16);
    if (count === 0) return 0;
    const value = this.#next() >>> (32 - count);
    this.#bits += count;
    return value;
  }

  /** How many bits of this value come before one of the other, which is read too. */
  run(value: 0 | 1): number {
    for (let length = 0; ; ) {
      const ahead = this.#next();
      const same = Math.min(24, Math.clz32(value === 0 ? ahead : ~ahead));
      length += same;
      this.#bits += same;
      if (same === 24 && this.#bits < 8 * this.#bytes.length) continue;
      this.#bits++;
      return length;
    }
  }

  /** The next 25 bits or more, at the upper end of 32. */
  #next(): number {
    const bytes = this.#bytes;
    const at = this.#bits >>> 3;
    const word = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    return (word << (this.#bits & 7)) >>> 0;
  }
}

/** Bits of the largest number of a range of so many. */
export function bitsFor(count: number): number {
  return count <= 1 ? 0 : 32 - Math.clz32(count - 1);
}

/** Elias gamma of a whole number from 0: small ones are short. */
export function writeGamma(writer: BitWriter, value: number): void {
  const bits = 31 - Math.clz32(value + 1);
  writer.write(0, bits);
  writer.write(value + 1, bits + 1);
}

export function readGamma(reader: BitReader): number {
  const bits = Math.min(30, reader.run(0));
  return ((1 << bits) | reader.read(bits)) - 1;
}

/** Rice code: the quotient by 2^shift in unary, the rest in `shift` bits. */
export function writeRice(writer: BitWriter, value: number, shift: number): void {
  for (let i = value >>> shift; i > 0; i--) writer.write(1, 1);
  writer.write(0, 1);
  writer.write(value & ((1 << shift) - 1), shift);
}

export function readRice(reader: BitReader, shift: number): number {
  return (reader.run(1) << shift) | reader.read(shift);
}

/**
 * A number of a range of `size`, where those in the middle are a bit shorter.
 *
 * With b = ⌊log₂ size⌋ there are u = 2^(b+1) − size codes of b bits; the middle u numbers have them, and the others b + 1.
 */
function writeCentred(writer: BitWriter, value: number, size: number): void {
  if (size <= 1) return;
  const bits = 31 - Math.clz32(size);
  const short = 2 ** (bits + 1) - size;
  const turned = (value - ((size - short) >>> 1) + size) % size;
  if (turned < short) writer.write(turned, bits);
  else writer.write(turned + short, bits + 1);
}

function readCentred(reader: BitReader, size: number): number {
  if (size <= 1) return 0;
  const bits = 31 - Math.clz32(size);
  const short = 2 ** (bits + 1) - size;
  let turned = reader.read(bits);
  if (turned >= short) turned = ((turned << 1) | reader.read(1)) - short;
  return (turned + ((size - short) >>> 1)) % size;
}

/**
 * Binary interpolative coding of a rising list of distinct numbers from `low` to `high`: the middle one first, in the range that its
 * neighbours leave it, then both halves. Numbers that lie close together, as the ids of frequent tokens do, are cheap.
 *
 * @see Moffat & Stuiver 2000, "Binary Interpolative Coding for Effective Index Compression", Information Retrieval 3.
 */
export function writeRising(writer: BitWriter, values: ArrayLike<number>, low: number, high: number): void {
  const write = (from: number, to: number, least: number, most: number): void => {
    if (from === to) return;
    const middle = (from + to) >>> 1;
    const first = least + middle - from;
    writeCentred(writer, values[middle]! - first, most - (to - 1 - middle) - first + 1);
    write(from, middle, least, values[middle]! - 1);
    write(middle + 1, to, values[middle]! + 1, most);
  };
  write(0, values.length, low, high);
}

export function readRising(reader: BitReader, count: number, low: number, high: number): Int32Array {
  const values = new Int32Array(count);
  const read = (from: number, to: number, least: number, most: number): void => {
    if (from === to) return;
    const middle = (from + to) >>> 1;
    const first = least + middle - from;
    values[middle] = first + readCentred(reader, most - (to - 1 - middle) - first + 1);
    read(from, middle, least, values[middle]! - 1);
    read(middle + 1, to, values[middle]! + 1, most);
  };
  read(0, count, low, high);
  return values;
}
