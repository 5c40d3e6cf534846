/**
 * @file Some tokens of every distribution as bytes: in float32 as they are, or as bits. Per temperature τ the log-odds of the tail's
 * mass, log(t_τ / (1 − t_τ)), are stored, in 16 bits. With the kept log-probs l they give the log-normalizer, and a distribution whose
 * mass at τ is exact:
 *
 *     l ← l + log(1 − t_1) − log Σ exp l          Z_τ: log Σ exp(l/τ) − log(1 − t_τ)
 *
 * Where no token is kept and all are drawn, the log-normalizer itself stands in the place of the log-odds. Log-probs are rounded to multiples of the largest error that is allowed, so that with the shift above none is further off than it.
 */

import { internalError } from "../../errors.js";
import { narrowToFloat16, widenFloat16 } from "../../weights/sixteen-bit-floats.js";
import { absentLogProb, type SparseSignal, type TeacherSignal } from "../teacher-signal.js";
import {
  BitReader,
  BitWriter,
  bitsFor,
  readGamma,
  readRice,
  readRising,
  writeGamma,
  writeRice,
  writeRising,
} from "./bits.js";
import { bytesOf, type Plane, type PlaneBytes, type SignalCodec } from "./codec.js";

/** What a codec of sparse signals has to know. */
export interface SparseLayout {
  readonly topK: number;
  readonly samples: number;
  /** 0: float32. */
  readonly logProbError: number;
  /** 1 is always stored. */
  readonly temperatures: readonly number[];
  readonly headWidth: number;
}

export function sparseCodec(layout: SparseLayout): SignalCodec {
  return layout.logProbError === 0 ? exactCodec(layout) : codedCodec(layout);
}

function formOf({ topK, samples, temperatures, headWidth }: SparseLayout) {
  const tail = samples > 0 ? "sampled" : "bucket";
  return { kind: "sparse", headWidth, k: Math.min(topK, headWidth) + samples, temperatures, tail } as const;
}

function expectSparse(signal: TeacherSignal): SparseSignal {
  if (signal.kind === "sparse") return signal;
  throw internalError(`a store of sparse signals got a ${signal.kind} signal`);
}

/** Every number in 4 bytes. */
function exactCodec(layout: SparseLayout): SignalCodec {
  const form = formOf(layout);
  const { k } = form;
  const tempered = form.temperatures.filter((each) => each !== 1);
  const normalizer = (temperature: number) => `logNormalizers.${temperature}`;
  const planes: readonly Plane[] = [
    { name: "ids", dtype: "I32", width: k },
    { name: "logProbs", dtype: "F32", width: k },
    ...(layout.samples > 0 ? [{ name: "importance", dtype: "F32", width: k } as const] : []),
    ...tempered.map((each) => ({ name: normalizer(each), dtype: "F32", width: 1 }) as const),
    { name: "targetLogProbs", dtype: "F32", width: 1 },
  ];
  return {
    form,
    planes,
    encode(signal, from, to) {
      const { ids, logProbs, importance, logNormalizers, targetLogProbs } = expectSparse(signal);
      const bytes: Record<string, Uint8Array<ArrayBuffer>> = {
        ids: bytesOf(ids.slice(from * k, to * k)),
        logProbs: bytesOf(logProbs.slice(from * k, to * k)),
        targetLogProbs: bytesOf(targetLogProbs!.slice(from, to)),
      };
      if (importance) bytes.importance = bytesOf(importance.slice(from * k, to * k));
      for (const each of tempered) bytes[normalizer(each)] = bytesOf(logNormalizers.get(each)!.slice(from, to));
      return bytes;
    },
    decode: (bytes, rows) => ({
      kind: "sparse",
      headWidth: form.headWidth,
      rows,
      k,
      ids: new Int32Array(bytes.ids!.buffer),
      logProbs: floats(bytes.logProbs!),
      importance: bytes.importance && floats(bytes.importance),
      targetLogProbs: floats(bytes.targetLogProbs!),
      logNormalizers: new Map(tempered.map((each) => [each, floats(bytes[normalizer(each)]!)])),
    }),
  };
}

function floats(bytes: Uint8Array<ArrayBuffer>): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

/** Ids and log-probs as bits; the tail's log-odds at every temperature and the log-prob of the text's token in 2 bytes each. */
function codedCodec(layout: SparseLayout): SignalCodec {
  const form = formOf(layout);
  const temperatures = [1, ...form.temperatures.filter((each) => each !== 1)];
  const planes: readonly Plane[] = [
    { name: "tailLogOdds", dtype: "F16", width: temperatures.length },
    { name: "targetLogProbs", dtype: "F16", width: 1 },
    { name: "codes", dtype: "U8", width: undefined },
  ];
  return {
    form,
    planes,
    encode(signal, from, to) {
      const sparse = expectSparse(signal);
      const odds = new Float32Array((to - from) * temperatures.length);
      const writer = new BitWriter();
      for (let row = from; row < to; row++) {
        const { kept, drawn } = rowOf(sparse, row, layout);
        for (const [i, each] of temperatures.entries()) {
          const logNormalizer = sparse.logNormalizers.get(each)?.[row] ?? 0;
          const tail = tailMass(kept, each, logNormalizer, layout.headWidth);
          odds[(row - from) * temperatures.length + i] = layout.topK > 0 ? Math.log(tail / (1 - tail)) : logNormalizer;
        }
        if (layout.topK > 0) writeTokens(writer, kept, layout.topK, layout);
        if (layout.samples > 0) writeDraws(writer, drawn, Math.exp(logSum(kept, 1)), layout);
      }
      return {
        tailLogOdds: narrow(odds),
        targetLogProbs: narrow(sparse.targetLogProbs!.slice(from, to)),
        codes: writer.bytes(),
      };
    },
    decode: (bytes, rows) => decodeRows(bytes, rows, temperatures, layout),
  };
}

/** A token with what is known of it. */
interface Token {
  readonly id: number;
  readonly logProb: number;
  readonly importance: number;
}

/** A row's tokens, likeliest first, and those drawn at random. */
function rowOf(signal: SparseSignal, row: number, { topK, headWidth }: SparseLayout) {
  const { k, ids, logProbs, importance } = signal;
  const tokens: Token[] = [];
  for (let i = row * k; i < (row + 1) * k; i++) {
    tokens.push({ id: ids[i]!, logProb: logProbs[i]!, importance: importance?.[i] ?? 1 });
  }
  const isThere = ({ logProb }: Token) => logProb > absentLogProb / 10;
  const size = Math.min(topK, headWidth);
  return { kept: tokens.slice(0, size).filter(isThere), drawn: tokens.slice(size).filter(isThere) };
}

function logSum(tokens: readonly Token[], temperature: number): number {
  return logSumOf(
    Float64Array.from(tokens, ({ logProb }) => logProb),
    temperature,
  );
}

/** log Σ exp(l/τ); −∞ of none. */
function logSumOf(logProbs: Float64Array, temperature: number): number {
  if (logProbs.length === 0) return Number.NEGATIVE_INFINITY;
  const most = logProbs.reduce((best, value) => Math.max(best, value)) / temperature;
  let sum = 0;
  for (const value of logProbs) sum += Math.exp(value / temperature - most);
  return most + Math.log(sum);
}

function tailMass(kept: readonly Token[], temperature: number, logNormalizer: number, headWidth: number): number {
  if (kept.length === headWidth) return 0;
  return Math.min(1, Math.max(0, 1 - Math.exp(logSum(kept, temperature) - logNormalizer)));
}

/** How many tokens, their ids in rising order, their levels, and which of those on the highest level is the likeliest. */
function writeTokens(writer: BitWriter, tokens: readonly Token[], most: number, layout: SparseLayout): void {
  const { logProbError, headWidth } = layout;
  writer.write(tokens.length, bitsFor(most + 1));
  if (tokens.length === 0) return;
  const rising = [...tokens].sort((a, b) => a.id - b.id);
  const levels = rising.map(({ logProb }) => Math.round(-logProb / logProbError));
  const lowest = Math.max(...levels);
  writeRising(
    writer,
    Int32Array.from(rising, ({ id }) => id),
    0,
    headWidth - 1,
  );
  writeGamma(writer, lowest);
  const above = levels.map((level) => lowest - level);
  const shift = bestShift(above);
  writer.write(shift, 3);
  for (const value of above) writeRice(writer, value, shift);
  const highest = Math.max(...above);
  const ties = rising.filter((_, i) => above[i] === highest);
  writer.write(ties.indexOf(tokens[0]!), bitsFor(ties.length));
}

/** Ids and log-probs, without an object for each: a run reads millions. */
interface TokenList {
  readonly ids: Int32Array;
  readonly logProbs: Float64Array;
}

/** Tokens as they were written: the likeliest first, the others by level and, within one, by id. */
function readTokens(reader: BitReader, most: number, { logProbError, headWidth }: SparseLayout): TokenList {
  const count = reader.read(bitsFor(most + 1));
  const sorted = { ids: new Int32Array(count), logProbs: new Float64Array(count) };
  if (count === 0) return sorted;
  const ids = readRising(reader, count, 0, headWidth - 1);
  const lowest = readGamma(reader);
  const shift = reader.read(3);
  const above = new Int32Array(count);
  for (let i = 0; i < count; i++) above[i] = readRice(reader, shift);
  const highest = above.reduce((best, value) => Math.max(best, value));
  // Counting sort: where each level begins, from the highest down.
  const starts = new Int32Array(highest + 2);
  for (const value of above) starts[highest - value + 1]!++;
  const ties = starts[1]!;
  for (let level = 1; level <= highest; level++) starts[level + 1]! += starts[level]!;
  for (let i = 0; i < count; i++) {
    const place = starts[highest - above[i]!]!++;
    sorted.ids[place] = ids[i]!;
    sorted.logProbs[place] = -(lowest - above[i]!) * logProbError;
  }
  const first = reader.read(bitsFor(ties));
  const likeliest = sorted.ids[first]!;
  sorted.ids.copyWithin(1, 0, first);
  sorted.ids[0] = likeliest;
  return sorted;
}

function bestShift(values: readonly number[]): number {
  const cost = (shift: number) => values.reduce((sum, value) => sum + (value >>> shift) + 1 + shift, 0);
  return [0, 1, 2, 3, 4, 5, 6, 7].reduce((best, shift) => (cost(shift) < cost(best) ? shift : best));
}

/** Drawn tokens, and behind them how often each came, in their written order. */
function writeDraws(writer: BitWriter, drawn: readonly Token[], mass: number, layout: SparseLayout): void {
  writeTokens(writer, drawn, layout.samples, layout);
  for (const { logProb, importance } of [...drawn].sort((a, b) => a.id - b.id)) {
    writeGamma(writer, Math.round((importance * Math.exp(logProb) * layout.samples) / (1 - mass)) - 1);
  }
}

function decodeRows(
  bytes: PlaneBytes,
  rows: number,
  temperatures: readonly number[],
  layout: SparseLayout,
): SparseSignal {
  const { topK, samples, headWidth } = layout;
  const { k } = formOf(layout);
  const odds = widen(bytes.tailLogOdds!);
  const reader = new BitReader(bytes.codes!);
  const ids = new Int32Array(rows * k);
  const logProbs = new Float32Array(rows * k).fill(absentLogProb);
  const importance = samples > 0 ? new Float32Array(rows * k) : undefined;
  const logNormalizers = new Map(temperatures.slice(1).map((each) => [each, new Float32Array(rows)]));
  for (let row = 0; row < rows; row++) {
    const logKept = (i: number) => -softplus(odds[row * temperatures.length + i]!);
    const at = row * k;
    let count = 0;
    if (topK > 0) {
      const kept = readTokens(reader, topK, layout);
      count = kept.ids.length;
      const shift = logKept(0) - logSumOf(kept.logProbs, 1);
      for (let i = 0; i < count; i++) kept.logProbs[i]! += shift;
      ids.fill(kept.ids[0]!, at, at + k);
      ids.set(kept.ids, at);
      logProbs.set(kept.logProbs, at);
      importance?.fill(1, at, at + count);
      for (const [i, each] of temperatures.entries()) {
        if (each !== 1) logNormalizers.get(each)![row] = logSumOf(kept.logProbs, each) - logKept(i);
      }
    } else {
      for (const [i, each] of temperatures.entries()) {
        if (each !== 1) logNormalizers.get(each)![row] = odds[row * temperatures.length + i]!;
      }
    }
    if (!importance) continue;
    const tail = topK > 0 ? 1 - Math.exp(logKept(0)) : 1;
    for (const [i, token] of readDraws(reader, tail, layout).entries()) {
      if (topK === 0 && i === 0) ids.fill(token.id, at, at + k);
      ids[at + count + i] = token.id;
      logProbs[at + count + i] = token.logProb;
      importance[at + count + i] = token.importance;
    }
  }
  const targetLogProbs = widen(bytes.targetLogProbs!);
  return { kind: "sparse", headWidth, rows, k, ids, logProbs, importance, logNormalizers, targetLogProbs };
}

function readDraws(reader: BitReader, tail: number, layout: SparseLayout): Token[] {
  const { ids, logProbs } = readTokens(reader, layout.samples, layout);
  const tokens = Array.from(ids, (id, i) => ({ id, logProb: logProbs[i]! })).sort((a, b) => a.id - b.id);
  return tokens.map(({ id, logProb }) => {
    const count = readGamma(reader) + 1;
    return { id, logProb, importance: (count * tail) / (layout.samples * Math.exp(logProb)) };
  });
}

/** log(1 + eˣ). */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

function narrow(values: Float32Array): Uint8Array<ArrayBuffer> {
  const bits = new Uint16Array(values.length);
  narrowToFloat16(values, bits);
  return bytesOf(bits);
}

function widen(bytes: Uint8Array<ArrayBuffer>): Float32Array {
  const values = new Float32Array(bytes.byteLength / 2);
  widenFloat16(new Uint16Array(bytes.buffer, bytes.byteOffset, values.length), values);
  return values;
}
