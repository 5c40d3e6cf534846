/** @file How fast a model reads and what memory that takes, measured in a process of its own so that nothing else counts. */

import type { Precision } from "../weights/quantize/index.js";
import { measureInProcess } from "./measure-in-process.js";

export interface ForwardCost {
  /** Tokens per second through the body and the output head, forward only. */
  readonly tokensPerSecond: number;
  /** Largest resident memory of the process, Node.js and the engine included. */
  readonly peakMemoryBytes: number;
}

export interface ForwardRequest {
  readonly model: string;
  /** What it computes in; float32 unless given. */
  readonly precision?: Precision;
  readonly sequences: number;
  readonly tokens: number;
  readonly threads: number;
}

/**
 * Runs `forward-process.js` on a model folder.
 *
 * @throws InterruptedError when the signal is aborted, or Ctrl-C reaches the process before it.
 */
export async function measureForward(request: ForwardRequest, signal?: AbortSignal): Promise<ForwardCost> {
  return measureInProcess(new URL("./forward-process.js", import.meta.url), request, request.model, signal);
}
