/** @file How much each row counts, as one of its fields says. */

import { DataError, show } from "../errors.js";
import { placeOf, type SourceRow } from "./source-row.js";

/**
 * Rows with what their field `weightField` says of them. A row without the field counts once; a row of weight 0 is left out, as if
 * it were not in the file.
 *
 * @param weightField - left out, the rows pass as they are.
 * @param onWeightless - called for every row that is left out.
 * @throws DataError for a weight that is no finite number of at least 0.
 */
export async function* weighRows(
  rows: AsyncIterable<SourceRow> | Iterable<SourceRow>,
  weightField: string | undefined,
  onWeightless: () => void = () => {},
): AsyncGenerator<SourceRow> {
  if (weightField === undefined) {
    yield* rows;
    return;
  }
  for await (const row of rows) {
    const value = weightOf(row, weightField);
    if (value === 0) onWeightless();
    else yield { ...row, weight: { field: weightField, value } };
  }
}

/**
 * Checks that a field which is to weigh training rows does so. Held-out rows need no weights: everything measured on them counts
 * each row once.
 *
 * @throws DataError where no row has it.
 */
export async function* expectWeights(
  rows: AsyncIterable<SourceRow> | Iterable<SourceRow>,
  weightField: string | undefined,
): AsyncGenerator<SourceRow> {
  let isThere = weightField === undefined;
  for await (const row of rows) {
    isThere ||= Object.hasOwn(row.fields, weightField!);
    yield row;
  }
  if (isThere) return;
  throw new DataError(`data: expected the weight of some training row in the field "${weightField}", got none.`, {
    hint: "Name the field that holds the weights, or leave out data.weightField.",
  });
}

/** CSV files hold text. */
function weightOf(row: SourceRow, field: string): number {
  const value = row.fields[field];
  if (value === undefined || value === null || value === "") return 1;
  const weight = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof weight === "number" && Number.isFinite(weight) && weight >= 0) return weight;
  throw new DataError(`data: ${placeOf(row)}: "${field}" must be a weight of at least 0, got ${show(value)}.`, {
    hint: `Correct "${field}" in this row.`,
  });
}
