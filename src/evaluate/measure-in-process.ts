/** @file Measuring in a process of its own, so that nothing else counts: its peak memory is that of what is measured. */

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { InterruptedError, LimbeckError } from "../errors.js";

/**
 * Runs a module that reads a request from its first argument as JSON and sends one message, the result.
 *
 * @param what - the path of what is measured, for errors.
 * @throws InterruptedError when the signal is aborted, or Ctrl-C reaches the process before it.
 */
export async function measureInProcess<Result>(
  module: URL,
  request: object,
  what: string,
  signal?: AbortSignal,
): Promise<Result> {
  const stopped = (): InterruptedError => new InterruptedError(`evaluate: stopped while measuring "${what}".`);
  if (signal?.aborted) throw stopped();
  return new Promise((resolve, reject) => {
    const stdio = ["ignore", "ignore", "pipe", "ipc"] as const;
    const child = fork(fileURLToPath(module), [JSON.stringify(request)], { stdio: [...stdio], execArgv: [] });
    const stop = () => child.kill();
    signal?.addEventListener("abort", stop, { once: true });
    let stderr = "";
    let result: Result | undefined;
    child.stderr?.on("data", (text: Buffer) => {
      stderr += text.toString();
    });
    child.on("message", (message) => {
      result = message as Result;
    });
    child.on("error", reject);
    child.on("exit", (code, endedBy) => {
      signal?.removeEventListener("abort", stop);
      if (result !== undefined) return resolve(result);
      if (endedBy === "SIGINT" || endedBy === "SIGTERM") return reject(stopped());
      const problem = /^\w*Error.*$/m.exec(stderr)?.[0] ?? stderr.trim().split("\n").at(-1) ?? "";
      const how = endedBy ?? `exit code ${code}`;
      reject(new LimbeckError("MEASURE", `evaluate: measuring "${what}" ended with ${how}: ${problem}`));
    });
  });
}
