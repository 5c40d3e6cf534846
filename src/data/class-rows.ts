/** @file Rows of texts with their classes: read, checked, and the classes that they name. */

import { DataError, show } from "../errors.js";
import type { ClassDataOptions } from "./class-options.js";
import { readRows } from "./read-rows.js";
import { stringField } from "./row-kind.js";
import { expectWeights, weighRows } from "./row-weights.js";
import { placeOf, type SourceRow } from "./source-row.js";

/** A text, and what the data says of its class. */
export interface ClassRow {
  readonly row: SourceRow;
  readonly text: string;
  /** Undefined where the row has no label. */
  readonly label: string | undefined;
  /** What it belongs to; undefined where it stands by itself. */
  readonly group: string | undefined;
  /** How likely each class is, by name; undefined where the row does not say. */
  readonly probabilities: ReadonlyMap<string, number> | undefined;
}

/** The rows of a config, in memory: texts are short, and their classes must be known before the first is encoded. */
export interface ClassRows {
  readonly train: readonly ClassRow[];
  /** Undefined where held-out rows are taken out of the training rows. */
  readonly heldOut: readonly ClassRow[] | undefined;
  /** Rows left out because they weigh nothing. */
  readonly weightless: number;
}

/**
 * Reads the rows that a config names.
 *
 * @throws DataError for a row without a text, or whose label or probabilities are none.
 */
export async function readClassRows(options: ClassDataOptions): Promise<ClassRows> {
  const { weightField } = options;
  let weightless = 0;
  const read = async (source: AsyncIterable<SourceRow>, hasLabels: boolean): Promise<ClassRow[]> => {
    const rows: ClassRow[] = [];
    const weighed = weighRows(source, weightField, () => weightless++);
    for await (const row of weighed) rows.push(checkRow(row, options, hasLabels));
    return rows;
  };
  const labelled = await read(expectWeights(readRows(options.train), weightField), true);
  const unlabelled = options.unlabelled === undefined ? [] : await read(readRows(options.unlabelled), false);
  const train = [...labelled, ...unlabelled];
  const heldOut = options.heldOut === undefined ? undefined : await read(readRows(options.heldOut), true);
  const { groupField } = options;
  if (groupField !== undefined && [...train, ...(heldOut ?? [])].every(({ group }) => group === undefined)) {
    throw new DataError(`data.groupField: expected "${groupField}" in some row, got none.`, {
      hint: "Name the field that says which texts belong together, or leave the key out.",
    });
  }
  return { train, heldOut, weightless };
}

/** By row the number of its group, from 0; a row without one is a group of its own. */
export function numberGroups(rows: readonly ClassRow[]): Int32Array {
  const numbers = new Map<string | ClassRow, number>();
  return Int32Array.from(rows, (row) => {
    const key = row.group ?? row;
    if (!numbers.has(key)) numbers.set(key, numbers.size);
    return numbers.get(key)!;
  });
}

function checkRow(
  row: SourceRow,
  { textField, labelField, groupField }: ClassDataOptions,
  hasLabels: boolean,
): ClassRow {
  if (!Object.hasOwn(row.fields, textField)) {
    throw new DataError(
      `data: ${placeOf(row)}: expected the text in the field "${textField}", got the fields ${show(Object.keys(row.fields))}.`,
      { hint: "Name the field with data.textField." },
    );
  }
  const text = stringField(row, textField);
  const probabilities = hasLabels ? probabilitiesOf(row) : undefined;
  const label = hasLabels ? nameIn(row, labelField, "class") : undefined;
  const group = groupField === undefined ? undefined : nameIn(row, groupField, "group");
  return { row, text, label, group, probabilities };
}

/** Numbers and truth values are names too. */
function nameIn(row: SourceRow, field: string, what: "class" | "group"): string | undefined {
  const value = row.fields[field];
  if (value === undefined || value === null || value === "") return undefined;
  if (["string", "number", "boolean"].includes(typeof value)) return String(value);
  throw new DataError(`data: ${placeOf(row)}: "${field}" must be the name of a ${what}, got ${show(value)}.`, {
    hint: `Give one name, or leave the field out where the ${what} is not known.`,
  });
}

function probabilitiesOf(row: SourceRow): ReadonlyMap<string, number> | undefined {
  const value = row.fields.probabilities;
  if (value === undefined || value === null || value === "") return undefined;
  const entries = typeof value === "object" && !Array.isArray(value) ? Object.entries(value) : [];
  const isShare = (share: unknown) => typeof share === "number" && share >= 0 && share <= 1;
  const sum = entries.reduce((total, [, share]) => total + Number(share), 0);
  if (entries.length > 0 && entries.every(([, share]) => isShare(share)) && Math.abs(sum - 1) < 1e-3) {
    return new Map(entries.map(([name, share]) => [name, (share as number) / sum]));
  }
  throw new DataError(
    `data: ${placeOf(row)}: "probabilities" must give each class a share of 1, such as {"ham": 0.9, "spam": 0.1}, got ${show(value)}.`,
    { hint: 'Correct "probabilities" in this row.' },
  );
}

/**
 * The classes of a run: those that the config names, in its order, or those that the rows name, sorted.
 *
 * @param known - by the config or a teacher.
 * @throws DataError for a row that names another class, and where there are fewer than two.
 */
export function settleClasses(rows: ClassRows, known: readonly string[] | undefined): readonly string[] {
  const all = [...rows.train, ...(rows.heldOut ?? [])];
  const namesOf = ({ label, probabilities }: ClassRow) => [
    ...(label === undefined ? [] : [label]),
    ...(probabilities?.keys() ?? []),
  ];
  const classes = known ?? [...new Set(all.flatMap(namesOf))].sort();
  if (classes.length < 2) {
    throw new DataError(`data: expected labels of at least two classes, got ${show(classes)}.`, {
      hint: "Name the field with data.labelField, or list the classes in the config.",
    });
  }
  for (const row of all) {
    const other = namesOf(row).find((name) => !classes.includes(name));
    if (other === undefined) continue;
    throw new DataError(
      `data: ${placeOf(row.row)}: expected one of the classes ${classes.join(", ")}, got "${other}".`,
      {
        hint: "Correct the row, or add the class to the config's classes.",
      },
    );
  }
  return classes;
}
