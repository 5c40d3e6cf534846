/** @file Where a student could start, as a table: the config's choice first. */

import { type StartRow, startSampleTokens } from "../recipes/compare-starts.js";
import { formatBytes, formatCount, formatNumber, NOT_MEASURED } from "../report/format.js";
import { table } from "./terminal.js";

export function startsTable(starts: readonly StartRow[]): string {
  const head = ["start", "params", "size", "tok/s", "KL", "perplexity"];
  const rows = starts.map(({ name, isChosen, parameters, bytes, tokensPerSecond, klFromTeacher, perplexity }) => [
    `${isChosen ? "*" : " "} ${name}`,
    formatCount(parameters),
    formatBytes(bytes),
    formatCount(tokensPerSecond),
    klFromTeacher === null ? NOT_MEASURED : formatNumber(klFromTeacher),
    formatNumber(perplexity),
  ]);
  const sample = `on about ${formatCount(startSampleTokens)} held-out tokens, drawn without order`;
  return `${table([head, ...rows])}* as in the config; KL to the teacher and perplexity before training, ${sample}\n`;
}
