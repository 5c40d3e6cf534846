/**
 * @file Generating with a model of SmolLM2-135M's shape, ours and transformers', interleaved on this machine: tokens per second
 * of reading a prompt and of decoding, their ratios, and peak memory. Prints a table in Markdown; see README.md here.
 *
 *     node bench/generate.mjs --python PYTHON [--rounds 5] [--threads 2] [--prompt 256] [--tokens 48]
 *
 * `--python` is a Python with bench/peers/requirements-dense.txt.
 */

import { spawn } from "node:child_process";
import os from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

const { values: flags } = parseArgs({
  options: {
    python: { type: "string" },
    rounds: { type: "string", default: "5" },
    threads: { type: "string", default: "2" },
    prompt: { type: "string", default: "256" },
    tokens: { type: "string", default: "48" },
  },
});
if (!flags.python) {
  process.stderr.write("generate: expected --python PYTHON; see bench/README.md\n");
  process.exit(2);
}
const sizes = ["--threads", flags.threads, "--prompt", flags.prompt, "--tokens", flags.tokens];

/** A process that reads and decodes once per line that it is sent. */
function start(command, args) {
  const child = spawn(command, [...args, ...sizes], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, OMP_NUM_THREADS: flags.threads },
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

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const medianOf = ({ steps }, key) => median(steps.map((step) => step[key]));

const pair = [
  start(process.execPath, [join(import.meta.dirname, "generate-ours.mjs")]),
  start(flags.python, [join(import.meta.dirname, "peers/generate_transformers.py"), "--serve"]),
];
const rounds = Number(flags.rounds);
const load = os.loadavg()[0].toFixed(1);
for (const one of pair) await one.ready();
for (const one of pair) await one.step(false);
for (let round = 0; round < rounds; round++) for (const one of pair) await one.step(true);
for (const one of pair) await one.end();

const [ours, theirs] = pair;
const row = (name, key, count) => {
  const [mine, other] = [count / medianOf(ours, key), count / medianOf(theirs, key)];
  return `| ${name} | ${mine.toFixed(1)} / ${other.toFixed(1)} tokens/s | ${(mine / other).toFixed(2)} |\n`;
};
const [memory, otherMemory] = [medianOf(ours, "peakBytes") / 1e9, medianOf(theirs, "peakBytes") / 1e9];
process.stdout.write(
  `${new Date().toISOString().slice(0, 10)}, ${os.cpus()[0].model.trim()}, ${flags.threads} threads, ` +
    `Node ${process.version}, load ${load}, ${rounds} rounds interleaved, medians\n\n` +
    "| float32, one sequence | limbeck / transformers | ratio |\n|---|---:|---:|\n" +
    row(`prompt of ${flags.prompt}`, "promptSeconds", Number(flags.prompt)) +
    row(`decoding ${flags.tokens} tokens after it`, "decodeSeconds", 1) +
    `| peak memory | ${memory.toFixed(2)} / ${otherMemory.toFixed(2)} GB | ${(memory / otherMemory).toFixed(2)} |\n`,
);
