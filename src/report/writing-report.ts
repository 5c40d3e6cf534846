/** @file What a report says of responses that were written for the run: how many, what was kept, why the others were not, and the cost. */

import type { DropReason } from "../writing/filter-responses.js";
import { formatCount, formatNumber, formatPercent } from "./format.js";
import { html, type Markup } from "./html/markup.js";
import { section } from "./html/section.js";

export interface DropExample {
  /** Its first 200 characters. */
  readonly response: string;
  /** What was measured: tokens, a share, nats per token, a language, or what an endpoint said. */
  readonly value: number | string;
  /** `file:line` of the row. */
  readonly origin: string;
}

export interface DroppedResponses {
  readonly reason: DropReason;
  readonly count: number;
  readonly examples: readonly DropExample[];
}

export interface WritingReport {
  /** Who wrote, in words. */
  readonly writer: string;
  readonly rows: number;
  readonly samples: number;
  readonly written: number;
  readonly kept: number;
  /** Responses not asked for, because the row's prompt leaves the writer no room. */
  readonly unanswered: number;
  readonly dropped: readonly DroppedResponses[];
  /** Null where a model on this machine wrote. */
  readonly usage: {
    readonly promptTokens: number;
    readonly completionTokens: number;
    readonly uncounted: number;
    readonly cost: number | null;
  } | null;
}

/** One sentence or two: counts, reasons and cost. */
export function writingText({ writer, rows, written, kept, unanswered, dropped, usage }: WritingReport): string {
  const reasons = dropped.map(({ reason, count }) => `${count} ${reason}`).join(", ");
  const room = unanswered > 0 ? ` ${unanswered} were not asked for: their prompts leave no room.` : "";
  const share = formatPercent(written === 0 ? 0 : kept / written);
  return (
    `${writer} wrote ${written.toLocaleString("en-US")} responses to ${rows.toLocaleString("en-US")} rows; ` +
    `${kept.toLocaleString("en-US")} (${share}) were kept${reasons === "" ? "" : `, dropped: ${reasons}`}.${room}${usage ? ` ${usageText(usage)}` : ""}`
  );
}

function usageText({ promptTokens, completionTokens, uncounted, cost }: NonNullable<WritingReport["usage"]>): string {
  const price = cost === null ? "" : `, which cost ${cost.toFixed(cost < 1 ? 4 : 2)}`;
  const gap = uncounted > 0 ? ` (${uncounted} responses came without a count)` : "";
  return `It read ${formatCount(promptTokens)} and wrote ${formatCount(completionTokens)} tokens${price}${gap}.`;
}

/** The page's section. */
export function writingSection(writing: WritingReport | undefined): Markup | null {
  if (!writing) return null;
  return section("What was written", writingText(writing), [
    writing.dropped.length === 0
      ? null
      : html`<table class="texts">
<thead><tr><th scope="col">Dropped for</th><th scope="col">Measured</th><th scope="col">For example</th></tr></thead>
<tbody>
${writing.dropped.flatMap(({ reason, count, examples }) =>
  examples.map(({ response, value, origin }, i) => {
    const responses = `${count.toLocaleString("en-US")} ${count === 1 ? "response" : "responses"}`;
    const name =
      i === 0 && html`<th scope="row" rowspan="${examples.length}">${reason}<small>${responses}</small></th>`;
    return html`<tr>${name || null}<td>${typeof value === "number" ? formatNumber(value) : value}</td><td title="${origin}">${response}</td></tr>
`;
  }),
)}</tbody>
</table>`,
  ]);
}
