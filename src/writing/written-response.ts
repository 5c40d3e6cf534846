/** @file One response to one row, as any writer wrote it. */

import type { Message } from "../data/index.js";
import type { SourceRow } from "../data/source-row.js";
import type { Completion } from "./read-completion.js";

/** A row to be answered. */
export interface AskedRow {
  readonly row: SourceRow;
  /** 48 bits of a hash of the row's content. */
  readonly key: number;
  /** What the writer sees. */
  readonly prompt: string | readonly Message[];
}

export interface WrittenText {
  /** Place of the row among those to be answered. */
  readonly row: number;
  /** From 0. */
  readonly sample: number;
  readonly response: string;
  /** `length`: it was cut; `filtered`: the endpoint kept it back; `refused`: the endpoint took the request for wrong. */
  readonly finishReason: Completion["finishReason"] | "refused";
  /** Σ log-prob of its tokens under the writer, natural logarithm; null where the writer does not tell. */
  readonly logProb: number | null;
  /** As the writer counts them; null where it does not tell. */
  readonly tokens: number | null;
  /** The writer's own token ids, its end token included; undefined from an endpoint. */
  readonly tokenIds?: readonly number[] | undefined;
  readonly usage?: Completion["usage"] | undefined;
  /** What the endpoint said of a request that it refused. */
  readonly refusal?: string | undefined;
}
