/** @file Rows of a table for a terminal. */

/** The first column from the left, the others from the right. */
export function alignColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
}

/** The same with a rule below the first rows, as wide as the widest. */
export function alignTable(rows: readonly (readonly string[])[], heads: number): readonly string[] {
  const lines = alignColumns(rows);
  const rule = "─".repeat(Math.max(...lines.map(({ length }) => length)));
  return [...lines.slice(0, heads), rule, ...lines.slice(heads)];
}
