/** @file Rows of texts and classes to documents: each side's reading, the class's number, and what became of the rows. */

import { createHash } from "node:crypto";
import { DataError } from "../errors.js";
import type { ClassHead } from "../models/architecture.js";
import { noTarget } from "./batch.js";
import { type ClassRow, type ClassRows, numberGroups } from "./class-rows.js";
import { originOf } from "./encode-rows.js";
import { readGroundTruth } from "./ground-truth.js";
import { defaultHeldOutFraction } from "./options.js";
import { countSharedRows, splitHeldOut } from "./split.js";
import type { TextReader } from "./text-reader.js";
import type { Span, TransferDocument } from "./transfer-set.js";

/** How one side reads a text, and which position of it tells the class. */
export interface ClassSide {
  readonly reader: TextReader;
  readonly position: ClassHead["position"];
}

export interface ClassEncoding {
  readonly classes: readonly string[];
  readonly student: ClassSide;
  /** Undefined where no model teaches. */
  readonly teacher: ClassSide | undefined;
  /** Whether rows say how likely each class is; a row with a label alone then gives that class all. */
  readonly usesProbabilities: boolean;
  /** The field that is true where a training row's label may be learned; left out, it is wherever there is one. */
  readonly groundTruthField?: string | undefined;
}

/** What became of a split's rows. */
export interface ClassSplitFacts {
  /** Rows that are used. */
  readonly rows: number;
  readonly labelled: number;
  /** Of the used rows, how many the student, and the teacher, read without their end. */
  readonly cut: number;
  readonly cutForTeacher: number;
  /** Rows left out: without a text, or with nothing to learn from. */
  readonly dropped: number;
  /** Labelled rows of each class. */
  readonly perClass: readonly number[];
}

/** Training and held-out documents. Index i of `heldOut` was read from `heldOutRows[i]`. */
export interface ClassData {
  readonly classes: readonly string[];
  readonly train: readonly TransferDocument[];
  readonly heldOut: readonly TransferDocument[];
  readonly heldOutRows: readonly ClassRow[];
  /** By held-out document the number of its group, from 0: intervals resample these. */
  readonly heldOutGroups: Int32Array;
  readonly facts: { readonly train: ClassSplitFacts; readonly heldOut: ClassSplitFacts };
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
}

interface Encoded {
  readonly document: TransferDocument;
  readonly row: ClassRow;
  readonly isCut: boolean;
  readonly isCutForTeacher: boolean;
}

/**
 * Encodes and splits rows. Held-out rows that are taken out of the training rows are chosen by a hash of their text or their group,
 * so that equal texts, and those of a group, stand on one side.
 *
 * @throws DataError where nothing is left to learn from or to hold out.
 */
export function encodeClassRows(
  rows: ClassRows,
  encoding: ClassEncoding,
  options: { readonly heldOutFraction?: number | undefined },
  onProgress: (rows: number) => void = () => {},
): ClassData {
  let count = 0;
  const encodeAll = (list: readonly ClassRow[]): Encoded[] => {
    return list.flatMap((row) => {
      if (count % 256 === 0) onProgress(count);
      return encodeRow(row, count++, encoding) ?? [];
    });
  };
  const all = encodeAll(rows.train);
  let [train, heldOut] = [all, rows.heldOut ? encodeAll(rows.heldOut) : []];
  if (!rows.heldOut) {
    const byDocument = new Map(all.map((each) => [each.document, each]));
    const split = splitHeldOut([...byDocument.keys()], options.heldOutFraction ?? defaultHeldOutFraction);
    train = split.train.map((document) => byDocument.get(document)!);
    heldOut = split.heldOut.map((document) => byDocument.get(document)!);
  }
  if (train.length === 0) {
    throw new DataError(
      `data: expected at least one training row to learn from, got ${rows.train.length} without any.`,
      {
        hint: "Give the rows labels or probabilities, or name a teacher.",
      },
    );
  }
  expectEveryClass(all, encoding);
  const dropped = { train: rows.train.length - all.length, heldOut: (rows.heldOut?.length ?? 0) - heldOut.length };
  const facts = {
    train: factsOf(train, dropped.train, encoding),
    heldOut: factsOf(heldOut, rows.heldOut ? dropped.heldOut : 0, encoding),
  };
  const documents = { train: train.map(({ document }) => document), heldOut: heldOut.map(({ document }) => document) };
  const shared = rows.heldOut && countSharedRows(documents.train, documents.heldOut);
  return {
    classes: encoding.classes,
    ...documents,
    heldOutRows: heldOut.map(({ row }) => row),
    heldOutGroups: numberGroups(heldOut.map(({ row }) => row)),
    facts,
    warnings: warningsOf(facts, encoding, shared, rows.weightless),
  };
}

/** What no row and no teacher shows, no student learns. */
function expectEveryClass(train: readonly Encoded[], { classes, teacher, usesProbabilities }: ClassEncoding): void {
  if (teacher || usesProbabilities) return;
  const seen = new Set(train.map(({ document }) => document.classified!.target));
  const missing = classes.filter((_, i) => !seen.has(i));
  if (missing.length === 0) return;
  throw new DataError(`data: expected training rows of every class, got none with the label ${missing.join(" or ")}.`, {
    hint: "Leave the class out of the config's classes, or add rows of it.",
  });
}

/** Undefined where the row has no text, or nothing to learn from. */
function encodeRow(row: ClassRow, number: number, encoding: ClassEncoding): Encoded | undefined {
  const { classes, student, teacher, usesProbabilities, groundTruthField } = encoding;
  const target = row.label === undefined ? noTarget : classes.indexOf(row.label);
  const probabilities = usesProbabilities ? sharesOf(row, target, classes) : undefined;
  if (target === noTarget && !teacher && !probabilities) return undefined;
  const own = student.reader.read(row.text, row.row);
  const taught =
    teacher && teacher.reader.fingerprint !== student.reader.fingerprint ? teacher.reader.read(row.text, row.row) : own;
  if (own.ids.length === 0 || taught.ids.length === 0) return undefined;
  const spanOf = (ids: Int32Array): Span => ({ ids, responseMask: new Uint8Array(ids.length) });
  const view = spanOf(own.ids);
  const document: TransferDocument = {
    student: view,
    teacher: taught === own ? view : spanOf(taught.ids),
    responseTokens: 1,
    responseBytes: undefined,
    hasGroundTruth:
      target !== noTarget && (groundTruthField === undefined || readGroundTruth(row.row, groundTruthField)),
    origin: { ...originOf(row.row, number), key: keyOfRow(row) },
    classified: {
      target,
      studentPosition: positionIn(own.ids, student),
      teacherPosition: positionIn(taught.ids, teacher ?? student),
      ...(probabilities && { probabilities }),
    },
  };
  return { document, row, isCut: own.isCut, isCutForTeacher: teacher !== undefined && taught.isCut };
}

function positionIn({ length }: Int32Array, { position }: ClassSide): number {
  return position === "first" ? 0 : length - 1;
}

/** The data's own distribution: as given, or all on the label. */
function sharesOf({ probabilities }: ClassRow, target: number, classes: readonly string[]): Float32Array | undefined {
  if (!probabilities && target === noTarget) return undefined;
  return Float32Array.from(classes, (name, i) =>
    probabilities ? (probabilities.get(name) ?? 0) : Number(i === target),
  );
}

/** 48 bits of a hash of the text, or of the group that it belongs to: what every split goes by. */
export function keyOfRow({ text, group }: ClassRow): number {
  return createHash("sha256")
    .update(group ?? text)
    .digest()
    .readUIntBE(0, 6);
}

function factsOf(encoded: readonly Encoded[], dropped: number, { classes }: ClassEncoding): ClassSplitFacts {
  const targets = encoded.map(({ document }) => document.classified!.target);
  return {
    rows: encoded.length,
    labelled: targets.filter((target) => target !== noTarget).length,
    cut: encoded.filter(({ isCut }) => isCut).length,
    cutForTeacher: encoded.filter(({ isCutForTeacher }) => isCutForTeacher).length,
    dropped,
    perClass: classes.map((_, i) => targets.filter((target) => target === i).length),
  };
}

function warningsOf(
  { train, heldOut }: ClassData["facts"],
  { classes }: ClassEncoding,
  overlap: { readonly shared: number; readonly heldOut: number } | undefined,
  weightless: number,
): ClassData["warnings"] {
  const warnings: { code: string; message: string }[] = [];
  const count = (n: number) => n.toLocaleString("en-US");
  const rows = train.rows + heldOut.rows;
  if (train.cut + heldOut.cut > 0) {
    const message = `${count(train.cut + heldOut.cut)} of ${count(rows)} texts are longer than data.sequenceLength: the student reads their start.`;
    warnings.push({ code: "cut-texts", message });
  }
  if (train.cutForTeacher + heldOut.cutForTeacher > 0) {
    const message = `${count(train.cutForTeacher + heldOut.cutForTeacher)} of ${count(rows)} texts are longer than the teacher reads: it reads their start.`;
    warnings.push({ code: "cut-texts-teacher", message });
  }
  if (weightless > 0) {
    warnings.push({
      code: "weightless-rows",
      message: `${count(weightless)} rows have the weight 0 and are left out.`,
    });
  }
  if (train.dropped + heldOut.dropped > 0) {
    const message = `${count(train.dropped + heldOut.dropped)} rows are left out: they have no text, or nothing to learn from.`;
    warnings.push({ code: "dropped-rows", message });
  }
  const missing = classes.filter((_, i) => train.labelled > 0 && train.perClass[i] === 0);
  if (missing.length > 0) {
    const message = `No training row has the label ${missing.join(" or ")}: it is learned from the teacher alone.`;
    warnings.push({ code: "class-without-rows", message });
  }
  const unmeasured = classes.filter((_, i) => heldOut.labelled > 0 && heldOut.perClass[i] === 0);
  if (unmeasured.length > 0) {
    const message = `No held-out row has the label ${unmeasured.join(" or ")}: nothing is known of how well it is found.`;
    warnings.push({ code: "class-not-held-out", message });
  }
  if (overlap && overlap.shared > 0) {
    const message = `${count(overlap.shared)} of ${count(overlap.heldOut)} held-out texts or groups are in training too: what is measured on them says little about new text.`;
    warnings.push({ code: "held-out-rows-in-train", message });
  }
  return warnings;
}
