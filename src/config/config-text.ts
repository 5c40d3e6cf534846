/** @file A config file's text as data, with the line on which every key stands. */

import { isCollection, isMap, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import type { ConfigProblem } from "../errors.js";

/** Data and where it was written; `problems` is empty unless the text is not YAML. */
export interface ConfigText {
  readonly data: unknown;
  readonly problems: readonly ConfigProblem[];
  /** The line of the deepest key of the path that is written, from 1; undefined where none is. */
  lineOf(path: readonly string[]): number | undefined;
  /** Whether the path is written. */
  has(path: readonly string[]): boolean;
}

const explanations: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "expected spaces for indentation, got a tab",
  MULTIPLE_DOCS: "expected one document, got another after `---`",
};

/** Reads YAML (1.2, of which JSON is a part). */
export function parseConfigText(text: string): ConfigText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problems: ConfigProblem[] = document.errors.map(({ code, message, pos }) => {
    const line = lines.linePos(pos[0]).line;
    if (code !== "DUPLICATE_KEY") return { path: "", line, message: explanations[code] ?? message };
    const key = /^[^:\n]*/.exec(text.slice(pos[0]))?.[0].trim() ?? "";
    return { path: key, line, message: "expected a key once in a section, got it twice" };
  });
  return {
    has: (path) => document.hasIn(path),
    data: problems.length > 0 ? undefined : toData(() => document.toJS(), problems),
    problems,
    lineOf(path) {
      let node = document.contents as Node | null;
      let offset: number | undefined;
      for (const key of path) {
        let child: unknown;
        if (isMap(node)) {
          const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
          if (pair === undefined) break;
          offset = (pair.key as Node).range?.[0] ?? offset;
          child = pair.value;
        } else if (isCollection(node)) {
          child = node.items[Number(key)];
          offset = (child as Node | undefined)?.range?.[0] ?? offset;
        }
        node = (child ?? null) as Node | null;
      }
      return offset === undefined ? undefined : lines.linePos(offset).line;
    },
  };
}

/** An alias without its anchor is found only when the document becomes data. */
function toData(convert: () => unknown, problems: ConfigProblem[]): unknown {
  try {
    return convert();
  } catch (error) {
    problems.push({ path: "", message: (error as Error).message });
    return undefined;
  }
}
