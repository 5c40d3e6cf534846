/**
 * @file Final hidden states as bytes: in float32, in float16, or in 8 bits with a scale per 64 numbers.
 *
 * With 8 bits a number h of a group with largest magnitude m is stored as round(127 h / m), so that it comes back within
 * m / 254, and a little more for the scale's own rounding.
 */

import { DataError, internalError } from "../../errors.js";
import { narrowToFloat16, widenFloat16 } from "../../weights/sixteen-bit-floats.js";
import type { TeacherSignal } from "../teacher-signal.js";
import { bytesOf, type PlaneBytes, type SignalCodec } from "./codec.js";
import type { HiddenPrecision } from "./options.js";

/** Numbers of a hidden state that share a scale; the last group of a row may have fewer. */
const groupSize = 64;

export function hiddenCodec(precision: HiddenPrecision, hiddenSize: number, headWidth: number): SignalCodec {
  const form = { kind: "hidden", hiddenSize, headWidth } as const;
  const rowsOf = (signal: TeacherSignal, from: number, to: number): Float32Array<ArrayBuffer> => {
    if (signal.kind !== "hidden" || signal.hiddenSize !== hiddenSize)
      throw internalError(`a store of hidden states of ${hiddenSize} got a ${signal.kind} signal`);
    return signal.hidden.slice(from * hiddenSize, to * hiddenSize);
  };
  const signalOf = (hidden: Float32Array, rows: number): TeacherSignal => ({ ...form, rows, hidden });
  switch (precision) {
    case "float32":
      return {
        form,
        planes: [{ name: "hidden", dtype: "F32", width: hiddenSize }],
        encode: (signal, from, to) => ({ hidden: bytesOf(rowsOf(signal, from, to)) }),
        decode: ({ hidden }, rows) =>
          signalOf(new Float32Array(hidden!.buffer, hidden!.byteOffset, rows * hiddenSize), rows),
      };
    case "float16":
      return {
        form,
        planes: [{ name: "hidden", dtype: "F16", width: hiddenSize }],
        encode: (signal, from, to) => ({ hidden: bytesOf(narrow(rowsOf(signal, from, to))) }),
        decode: ({ hidden }, rows) => signalOf(widen(hidden!), rows),
      };
    case "int8": {
      const groups = Math.ceil(hiddenSize / groupSize);
      return {
        form,
        planes: [
          { name: "scales", dtype: "F16", width: groups },
          { name: "hidden", dtype: "I8", width: hiddenSize },
        ],
        encode: (signal, from, to) => toInt8(rowsOf(signal, from, to), hiddenSize, groups),
        decode: (planes, rows) => signalOf(fromInt8(planes, rows, hiddenSize, groups), rows),
      };
    }
  }
}

function narrow(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint16Array(values.length);
  const overflow = narrowToFloat16(values, bits);
  if (overflow < 0) return bits;
  throw new DataError(`cache: hidden states must be below 65,520 to fit into float16, got ${values[overflow]}.`, {
    hint: "Set cache.store.precision to float32.",
  });
}

function widen(bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const bits = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  const values = new Float32Array(bits.length);
  widenFloat16(bits, values);
  return values;
}

/** Visits the groups of every row: where each begins and ends in the values, and its number. */
function eachGroup(
  rows: number,
  hiddenSize: number,
  groups: number,
  visit: (start: number, end: number, group: number) => void,
): void {
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < groups; i++) {
      const start = row * hiddenSize + i * groupSize;
      visit(start, Math.min(start + groupSize, (row + 1) * hiddenSize), row * groups + i);
    }
  }
}

function toInt8(values: Float32Array, hiddenSize: number, groups: number): PlaneBytes {
  const rows = values.length / hiddenSize;
  const largest = new Float32Array(rows * groups);
  eachGroup(rows, hiddenSize, groups, (start, end, group) => {
    for (let i = start; i < end; i++) largest[group] = Math.max(largest[group]!, Math.abs(values[i]!));
  });
  const bits = narrow(largest.map((most) => most / 127));
  const scales = widen(bytesOf(bits));
  const hidden = new Int8Array(values.length);
  eachGroup(rows, hiddenSize, groups, (start, end, group) => {
    const scale = scales[group]!;
    if (scale === 0) return;
    for (let i = start; i < end; i++) hidden[i] = Math.max(-127, Math.min(127, Math.round(values[i]! / scale)));
  });
  return { scales: bytesOf(bits), hidden: bytesOf(hidden) };
}

function fromInt8(planes: PlaneBytes, rows: number, hiddenSize: number, groups: number): Float32Array {
  const scales = widen(planes.scales!);
  const { buffer, byteOffset, byteLength } = planes.hidden!;
  const stored = new Int8Array(buffer, byteOffset, byteLength);
  const hidden = new Float32Array(rows * hiddenSize);
  eachGroup(rows, hiddenSize, groups, (start, end, group) => {
    for (let i = start; i < end; i++) hidden[i] = stored[i]! * scales[group]!;
  });
  return hidden;
}
