/** @file Where commands write: standard output and error, with colours only where a person reads them. */

import { styleText } from "node:util";

/** The styles that commands use. */
export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** One of the two streams. */
export interface Output {
  readonly isTerminal: boolean;
  /** Columns to stay within: at most 80, also on wide terminals. */
  readonly width: number;
  write(text: string): void;
  style(style: Style, text: string): string;
}

/** Both streams of a command. */
export interface Terminal {
  readonly out: Output;
  readonly err: Output;
}

const widestLine = 80;

/** The process's own streams. */
export function processTerminal(): Terminal {
  return { out: streamOutput(process.stdout), err: streamOutput(process.stderr) };
}

/**
 * Colours obey NO_COLOR (https://no-color.org). A reader that went away (`limbeck … | head`) is no error: what would be
 * written to it is dropped, and the command goes on to its end.
 */
function streamOutput(stream: NodeJS.WriteStream): Output {
  let isClosed = false;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    isClosed = true;
  });
  const isTerminal = stream.isTTY === true;
  const hasColours = isTerminal && !process.env.NO_COLOR && process.env.TERM !== "dumb";
  return {
    isTerminal,
    get width() {
      return Math.min(stream.columns ?? widestLine, widestLine);
    },
    write(text) {
      if (!isClosed) stream.write(text);
    },
    style: (style, text) => (hasColours ? styleText(style, text) : text),
  };
}

/** Rows as aligned columns, two spaces apart: the first column and those in `left` flush left, the others right. */
export function table(rows: readonly (readonly string[])[], left: readonly number[] = []): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) => {
    return Math.max(...rows.map((row) => (row[column] ?? "").length));
  });
  const lines = rows.map((row) => {
    const cells = row.map((cell, column) => {
      return column === 0 || left.includes(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
    });
    return cells.join("  ").trimEnd();
  });
  return lines.map((line) => `${line}\n`).join("");
}

/** Facts as `name  value` lines; a value that is too long goes on under itself. */
export function facts(pairs: readonly (readonly [name: string, value: string])[], width = widestLine): string {
  const indent = Math.max(0, ...pairs.map(([name]) => name.length)) + 2;
  return pairs
    .map(([name, value]) => {
      const lines = wrap(value, width - indent);
      return lines.map((line, i) => `${(i === 0 ? name : "").padEnd(indent)}${line}`.trimEnd()).join("\n");
    })
    .map((line) => `${line}\n`)
    .join("");
}

/** Text in lines of at most `width` columns, broken between words. */
export function wrap(text: string, width: number): string[] {
  return text.split("\n").flatMap((paragraph) => {
    const lines: string[] = [""];
    for (const word of paragraph.split(" ")) {
      const line = lines.at(-1)!;
      if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
      else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
    }
    return lines;
  });
}

/** A warning in lines of the output's width, without a final line break. */
export function warningText(
  { code, message }: { readonly code: string; readonly message: string },
  output: Output,
): string {
  const label = `warning[${code}]`;
  const [first = "", ...rest] = wrap(`${label}: ${message}`, output.width - 2);
  return [first.replace(label, output.style("yellow", label)), ...rest.map((line) => `  ${line}`)].join("\n");
}

/** A token's or a file's text on one line of at most `width` columns; control characters are written as escapes. */
export function oneLine(text: string, width: number): string {
  const visible = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return visible.length > width ? `${visible.slice(0, width - 1)}…` : visible;
}
