/** @file How fast a model reads and what memory that takes, measured in a process of its own so that nothing else counts. */

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { InterruptedError, LimbeckError } from "../errors.js";
import type { Precision } from "../weights/quantize/index.js";

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
  const stopped = (): InterruptedError => new InterruptedError(`evaluate: stopped while measuring "${request.model}".`);
  if (signal?.aborted) throw stopped();
  const module = fileURLToPath(new URL("./forward-process.js", import.meta.url));
  return new Promise((resolve, reject) => {
    const child = fork(module, [JSON.stringify(request)], { stdio: ["ignore", "ignore", "pipe", "ipc"], execArgv: [] });
    const stop = () => child.kill();
    signal?.addEventListener("abort", stop, { once: true });
    let stderr = "";
    let cost: ForwardCost | undefined;
    child.stderr?.on("data", (text: Buffer) => {
      stderr += text.toString();
    });
    child.on("message", (message) => {
      cost = message as ForwardCost;
    });
    child.on("error", reject);
    child.on("exit", (code, endedBy) => {
      signal?.removeEventListener("abort", stop);
      if (cost) return resolve(cost);
      if (endedBy === "SIGINT" || endedBy === "SIGTERM") return reject(stopped());
      const problem = stderr.trim().split("\n").at(-1) ?? "";
      const how = endedBy ?? `exit code ${code}`;
      reject(new LimbeckError("MEASURE", `evaluate: measuring "${request.model}" ended with ${how}: ${problem}`));
    });
  });
}
