/** @file What a capture says it is: of which teacher, for which rows, what is stored and how; and the key that follows from it. */

import { createHash } from "node:crypto";
import type { TransferDocument } from "../../data/transfer-set.js";
import { LimbeckError, show } from "../../errors.js";
import type { Precision } from "../../weights/quantize/index.js";
import type { SignalCodec } from "./codec.js";
import { documentKey } from "./document-key.js";
import { hiddenCodec } from "./hidden-codec.js";
import type { StoreOptions } from "./options.js";
import { sparseCodec } from "./sparse-codec.js";

type HiddenOptions = Extract<StoreOptions, { readonly kind: "hidden" }>;
type SparseOptions = Extract<StoreOptions, { readonly kind: "sparse" }>;

/** What is stored, with all that decoding needs to know. The tail is a matter of who reads. */
export type Stored =
  | (HiddenOptions & { readonly hiddenSize: number; readonly headWidth: number })
  | (Omit<SparseOptions, "tail"> & { readonly headWidth: number });

/** Who is asked. */
export interface CapturedTeacher {
  readonly name: string;
  /** SHA-256 of config and weights. */
  readonly fingerprint: string;
  readonly precision: Precision;
  /** Fingerprint of its tokenizer; null where it has none. */
  readonly tokenizer: string | null;
}

/** The header of every file of a capture. */
export interface CaptureDescription {
  readonly limbeckCapture: 1;
  readonly teacher: CapturedTeacher;
  readonly data: {
    /** SHA-256 over the keys of all documents, in their order. */
    readonly fingerprint: string;
    readonly documents: number;
    /** Response rows. */
    readonly rows: number;
  };
  readonly stored: Stored;
  /** How many fixed teacher batches the documents make. */
  readonly blocks: number;
  /** The version that made it. */
  readonly createdBy: string;
}

/** The codec of what a capture holds. */
export function codecOf(stored: Stored): SignalCodec {
  switch (stored.kind) {
    case "hidden":
      return hiddenCodec(stored.precision, stored.hiddenSize, stored.headWidth);
    case "sparse":
      return sparseCodec(stored);
  }
}

/** SHA-256 over the keys of documents, in their order. */
function fingerprintKeys(documents: readonly TransferDocument[]): string {
  const hash = createHash("sha256");
  for (const document of documents) hash.update(documentKey(document));
  return hash.digest("hex");
}

/** The rows of a capture, as its header describes them. */
export function describeDocuments(documents: readonly TransferDocument[]): CaptureDescription["data"] {
  return {
    fingerprint: fingerprintKeys(documents),
    documents: documents.length,
    rows: documents.reduce((sum, { responseTokens }) => sum + responseTokens, 0),
  };
}

/** What makes two captures the same, in hexadecimal: all but the teacher's name and the version. */
export function captureKey({ teacher, data, stored, blocks }: CaptureDescription): string {
  const { fingerprint, precision, tokenizer } = teacher;
  const parts = [fingerprint, precision, tokenizer, data.fingerprint, sorted(stored), blocks];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** The name of a capture's folder: readable, and its own. */
export function captureName(description: CaptureDescription): string {
  const { teacher, stored } = description;
  const name = teacher.name.replace(/[^\w.-]+/g, "-");
  return `${name}-${summarize(stored)}-${captureKey(description).slice(0, 8)}`;
}

/** `hidden-float16` */
export function summarize(stored: Stored): string {
  switch (stored.kind) {
    case "hidden":
      return `hidden-${stored.precision}`;
    case "sparse": {
      const drawn = stored.samples > 0 ? `-samples-${stored.samples}` : "";
      return `sparse-${stored.topK}${drawn}`;
    }
  }
}

/** One thing in which a capture is not what is wanted. */
export interface Difference {
  readonly what: string;
  readonly wanted: unknown;
  readonly got: unknown;
}

/** What a run needs of a capture, whatever its rows. */
export interface Wanted {
  readonly teacher: CapturedTeacher;
  readonly stored: Stored;
}

/** In what a capture differs from what is wanted; nothing where it fits. */
export function differencesOf({ teacher, stored }: CaptureDescription, wanted: Wanted): readonly Difference[] {
  const pairs: (readonly [string, unknown, unknown])[] = [
    ["teacher", wanted.teacher.fingerprint, teacher.fingerprint],
    ["teacher's precision", wanted.teacher.precision, teacher.precision],
    ["tokenizer", wanted.teacher.tokenizer, teacher.tokenizer],
    ...Object.entries(wanted.stored).map(
      ([key, value]) => [`store's ${key}`, value, (stored as unknown as Record<string, unknown>)[key]] as const,
    ),
  ];
  const isHeld = (what: string, wish: unknown, got: unknown) =>
    what === "store's temperatures" && Array.isArray(wish) && Array.isArray(got)
      ? wish.every((each) => got.includes(each)) // a capture may know more temperatures than are asked for
      : JSON.stringify(wish) === JSON.stringify(got);
  return pairs
    .filter(([what, wish, got]) => !isHeld(what, wish, got))
    .map(([what, wish, got]) => ({ what, wanted: wish, got }));
}

/** `teacher "1f3a…", expected "9c2e…"` */
export function describeDifferences(differences: readonly Difference[]): string {
  const short = (value: unknown) =>
    typeof value === "string" && /^[0-9a-f]{64}$/.test(value) ? `${value.slice(0, 12)}…` : show(value);
  return differences.map(({ what, wanted, got }) => `${what} ${short(got)}, expected ${short(wanted)}`).join("; ");
}

/** @throws LimbeckError `CACHE` where the text is no description. */
export function parseDescription(text: string, path: string): CaptureDescription {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw notADescription(path, (cause as Error).message, cause);
  }
  const { limbeckCapture } = (value ?? {}) as Partial<CaptureDescription>;
  if (limbeckCapture === 1) return value as CaptureDescription;
  throw notADescription(path, `limbeckCapture ${show(limbeckCapture)}`);
}

function notADescription(path: string, got: string, cause?: unknown): LimbeckError {
  return new LimbeckError("CACHE", `"${path}": must describe a capture (limbeckCapture 1), got ${got}.`, {
    hint: "Delete the capture's folder to have it made again.",
    cause,
  });
}

function sorted(value: object): unknown {
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}
