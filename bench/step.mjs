/**
 * @file The training step, ours and PyTorch's with TRL, interleaved on this machine: tokens per second, their ratio, peak
 * memory, and our share of time in matrix products. Prints a table in Markdown; see README.md here.
 *
 *     node bench/step.mjs --dense PYTHON --chunked PYTHON [--rounds 5] [--threads 2]
 *
 * `--dense` is a Python with bench/peers/requirements-dense.txt, `--chunked` one with requirements-chunked.txt.
 */

import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

const { values: flags } = parseArgs({
  options: {
    dense: { type: "string" },
    chunked: { type: "string" },
    rounds: { type: "string", default: "5" },
    threads: { type: "string", default: "2" },
  },
});
if (!flags.dense || !flags.chunked) {
  process.stderr.write("step: expected --dense PYTHON and --chunked PYTHON; see bench/README.md\n");
  process.exit(2);
}
const here = import.meta.dirname;
const tokensPerStep = 1024;

/** A process that does one step per line that it is sent. */
function start(name, command, args) {
  const child = spawn(command, args, {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, OMP_NUM_THREADS: flags.threads },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${name} ended early`);
      if (value.startsWith("{")) return JSON.parse(value);
    }
  };
  return {
    name,
    seconds: [],
    peakBytes: 0,
    ready: answer,
    async step(counts) {
      child.stdin.write("step\n");
      const { seconds, peakBytes } = await answer();
      if (counts) this.seconds.push(seconds);
      this.peakBytes = Math.max(this.peakBytes, peakBytes);
    },
    async end() {
      child.stdin.end();
      await new Promise((resolve) => child.once("exit", resolve));
    },
  };
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const speed = ({ seconds }) => tokensPerStep / median(seconds);

/** Share of the kernels' time that is spent in matrix products, from the engine's own trace. */
function matrixShare(folder) {
  const products = new Set(["MatMul", "FusedMatMul", "Gemm"]);
  let [inProducts, all] = [0, 0];
  for (const file of readdirSync(folder)) {
    for (const { cat, name, dur, args } of JSON.parse(readFileSync(join(folder, file), "utf8"))) {
      // A loop's own time is that of the kernels in its body.
      if (cat !== "Node" || !name.endsWith("_kernel_time") || args.op_name === "Loop") continue;
      all += dur;
      if (products.has(args.op_name)) inProducts += dur;
    }
  }
  return inProducts / all;
}

const peer = (variant, isCompiled) => {
  const python = variant.startsWith("dense") ? flags.dense : flags.chunked;
  const args = [join(here, "peers/step_trl.py"), "--variant", variant, "--threads", flags.threads, "--serve"];
  return [`TRL ${variant}${isCompiled ? ", compiled" : ""}`, python, isCompiled ? [...args, "--compile"] : args];
};
const rounds = Number(flags.rounds);

process.stdout.write(
  `${new Date().toISOString().slice(0, 10)}, ${os.cpus()[0].model.trim()}, ${flags.threads} threads, ` +
    `Node ${process.version}, load ${os.loadavg()[0].toFixed(1)}, ${rounds} rounds interleaved, medians\n\n` +
    "| step | beside | tokens/s, ours / theirs | ratio | peak memory, ours / theirs | ratio |\n|---|---|---:|---:|---:|---:|\n",
);
// One peer beside ours at a time, each fed the same kind of signal: more would not fit into memory, and a pair shares the
// machine's mood.
for (const [label, variant, peerVariant] of [
  ["(a) teacher logits ready", "dense-ready", "dense-ready"],
  ["(a) teacher hidden states ready", "hidden-ready", "chunked-ready"],
  ["(b) teacher run each step", "online", "dense-online"],
  ["(b) teacher run each step", "online", "chunked-online"],
]) {
  for (const isCompiled of [false, true]) {
    const ours = [
      "limbeck",
      process.execPath,
      [join(here, "step-ours.mjs"), "--variant", variant, "--threads", flags.threads],
    ];
    const pair = [start(...ours), start(...peer(peerVariant, isCompiled))];
    for (const one of pair) await one.ready();
    for (const one of pair) await one.step(false);
    for (const one of pair) await one.step(false);
    for (let round = 0; round < rounds; round++) for (const one of pair) await one.step(true);
    for (const one of pair) await one.end();
    const [mine, other] = pair;
    const memory = (mine.peakBytes / other.peakBytes).toFixed(2);
    process.stdout.write(
      `| ${label} | ${other.name} | ${speed(mine).toFixed(0)} / ${speed(other).toFixed(0)} | ${(speed(mine) / speed(other)).toFixed(2)} ` +
        `| ${(mine.peakBytes / 1e9).toFixed(2)} / ${(other.peakBytes / 1e9).toFixed(2)} GB | ${memory} |\n`,
    );
  }
}

const folder = mkdtempSync(join(os.tmpdir(), "limbeck-step-"));
const profiled = start("limbeck", process.execPath, [
  join(here, "step-ours.mjs"),
  "--threads",
  flags.threads,
  "--profile",
  join(folder, "trace"),
]);
await profiled.ready();
for (let i = 0; i < 4; i++) await profiled.step(false);
await profiled.end();
process.stdout.write(
  `\nOur step (a): ${(100 * matrixShare(folder)).toFixed(0)} % of the engine's time in matrix products.\n`,
);
rmSync(folder, { recursive: true });
