/** @file What it takes to run a model: time per token for a prompt and for what is written after it, and memory. */

import { measureInProcess } from "../evaluate/measure-in-process.js";

export interface Latency {
  /** Tokens read, `promptTokens`, in one call. */
  readonly promptMsPerToken: number;
  /** One token after the other, behind that prompt. */
  readonly decodeMsPerToken: number;
  readonly promptTokens: number;
  /** Largest resident memory of the process, Node.js and the engine included. */
  readonly peakMemoryBytes: number;
}

export interface LatencyRequest {
  /** A model folder, a GGUF file, or an exported ONNX file. */
  readonly model: string;
  readonly threads: number;
}

/**
 * Runs `latency-process.js`: our own decoder for a folder, an engine session for an ONNX file.
 *
 * @throws InterruptedError when the signal is aborted, or Ctrl-C reaches the process before it.
 */
export async function measureLatency(request: LatencyRequest, signal?: AbortSignal): Promise<Latency> {
  return measureInProcess(new URL("./latency-process.js", import.meta.url), request, request.model, signal);
}
