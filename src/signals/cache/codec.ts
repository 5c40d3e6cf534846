/** @file How signals become bytes and bytes become signals: one codec per kind of store. */

import { internalError } from "../../errors.js";
import type { TensorDtype } from "../../weights/index.js";
import type { SignalForm } from "../signal-feeds.js";
import type { TeacherSignal } from "../teacher-signal.js";

/** One field of what is stored: a tensor with a line per response row, or, where `width` is undefined, bytes per document. */
export interface Plane {
  readonly name: string;
  readonly dtype: TensorDtype;
  /** Elements per response row. */
  readonly width: number | undefined;
}

/** The bytes of each plane, by its name. */
export type PlaneBytes = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

/** Bytes of one kind of store. The same rows always become the same bytes. */
export interface SignalCodec {
  /** What decoding gives. */
  readonly form: SignalForm;
  /** In the order in which they are stored: wide elements first, so that each plane is aligned. */
  readonly planes: readonly Plane[];
  /** The rows from `from` to `to` of a signal: those of one document. */
  encode(signal: TeacherSignal, from: number, to: number): PlaneBytes;
  /** All rows of one document. */
  decode(planes: PlaneBytes, rows: number): TeacherSignal;
}

/** Bytes per element of the types that planes have. */
export const elementBytes = { F32: 4, I32: 4, U32: 4, F16: 2, I8: 1, U8: 1 } as const;

/** Bytes of a plane that one response row takes. */
export function bytesPerRow({ name, dtype, width }: Plane): number {
  if (width === undefined || !(dtype in elementBytes)) throw internalError(`plane "${name}" has no fixed row`);
  return width * elementBytes[dtype as keyof typeof elementBytes];
}

/** The values of an array as the bytes that they lie in. */
export function bytesOf(values: ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
