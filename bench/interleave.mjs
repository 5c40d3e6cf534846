/** @file Processes that each do one step per line that they are sent, so that they can be measured in turn. */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Starts one; it answers every line with a line of JSON, and writes one when it is ready. */
export function startPeer(command, args, threads) {
  const child = spawn(command, args, {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, OMP_NUM_THREADS: threads },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${args[0]} ended early`);
      if (value.startsWith("{")) return JSON.parse(value);
    }
  };
  return {
    steps: [],
    ready: answer,
    async step(counts) {
      child.stdin.write("step\n");
      const result = await answer();
      if (counts) this.steps.push(result);
    },
    async end() {
      child.stdin.end();
      await new Promise((resolve) => child.once("exit", resolve));
    },
  };
}

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
