/** @file How fast a model reads and what memory that takes, measured in a process of its own so that nothing else counts. */

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { LimbeckError } from "../errors.js";

export interface ForwardCost {
  /** Tokens per second through the body and the output head, forward only. */
  readonly tokensPerSecond: number;
  /** Largest resident memory of the process, Node.js and the engine included. */
  readonly peakMemoryBytes: number;
}

export interface ForwardRequest {
  readonly model: string;
  readonly sequences: number;
  readonly tokens: number;
  readonly threads: number;
}

/** Runs `forward-process.js` on a model folder. */
export async function measureForward(request: ForwardRequest): Promise<ForwardCost> {
  const module = fileURLToPath(new URL("./forward-process.js", import.meta.url));
  return new Promise((resolve, reject) => {
    const child = fork(module, [JSON.stringify(request)], { stdio: ["ignore", "ignore", "pipe", "ipc"], execArgv: [] });
    let stderr = "";
    let cost: ForwardCost | undefined;
    child.stderr?.on("data", (text: Buffer) => {
      stderr += text.toString();
    });
    child.on("message", (message) => {
      cost = message as ForwardCost;
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (cost) resolve(cost);
      else {
        const problem = stderr.trim().split("\n").at(-1) ?? "";
        reject(
          new LimbeckError(
            "MEASURE",
            `evaluate: measuring "${request.model}" ended with exit code ${code}: ${problem}`,
          ),
        );
      }
    });
  });
}
