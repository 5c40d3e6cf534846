/**
 * @file The training step, ours and PyTorch's with TRL, interleaved on this machine: tokens per second, their ratio, peak
 * memory, and our share of time in matrix products. Prints a table in Markdown; see README.md here.
 *
 *     node bench/step.mjs --dense PYTHON --chunked PYTHON [--compare live|cached] [--vocabulary 49152] [--sequences 4]
 *       [--prompt-share 0] [--rounds 5] [--threads 2] [--beside TEXT]
 *
 * `--dense` is a Python with bench/peers/requirements-dense.txt, `--chunked` one with requirements-chunked.txt. `--compare cached` sets
 * our step with signals read from a capture beside TRL's with the teacher's at hand and with the teacher run. `--beside` keeps
 * the peers whose name contains a text, such as "dense-online, compiled".
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median, startPeer } from "./interleave.mjs";

const { values: flags } = parseArgs({
  options: {
    dense: { type: "string" },
    chunked: { type: "string" },
    rounds: { type: "string", default: "5" },
    threads: { type: "string", default: "2" },
    compare: { type: "string", default: "live" },
    vocabulary: { type: "string", default: "49152" },
    sequences: { type: "string", default: "4" },
    "prompt-share": { type: "string", default: "0" },
    beside: { type: "string", default: "" },
  },
});
if (!flags.dense || !flags.chunked) {
  process.stderr.write("step: expected --dense PYTHON and --chunked PYTHON; see bench/README.md\n");
  process.exit(2);
}
// What is compared: what the row is called, our variant, and the peer's.
const comparisons = {
  live: [
    ["(a) teacher logits ready", "dense-ready", "dense-ready"],
    ["(a) teacher hidden states ready", "hidden-ready", "chunked-ready"],
    ["(b) teacher run each step", "online", "dense-online"],
    ["(b) teacher run each step", "online", "chunked-online"],
    ["(b) teacher in 8 bits", "online-int8", "dense-online"],
  ],
  cached: [
    ["(c) cached top 64 / logits ready", "sparse-ready", "dense-ready"],
    ["(c) cached top 64 / hidden states ready", "sparse-ready", "chunked-ready"],
    ["(d) cached top 64 / teacher run each step", "sparse-ready", "dense-online"],
    ["(d) cached top 64 / teacher run each step", "sparse-ready", "chunked-online"],
    ["(e) cached hidden states / logits ready", "cached-hidden", "dense-ready"],
  ],
}[flags.compare];
if (!comparisons) {
  process.stderr.write(`step: expected --compare live or cached, got "${flags.compare}"\n`);
  process.exit(2);
}
const here = import.meta.dirname;
const script = join(here, "step-ours.mjs");
const tokensPerStep = 256 * Number(flags.sequences);
/** What both sides are told. */
const shared = ["threads", "vocabulary", "sequences", "prompt-share"].flatMap((name) => [`--${name}`, flags[name]]);

const speed = ({ steps }) => tokensPerStep / median(steps.map(({ seconds }) => seconds));
const peakOf = ({ steps }) => Math.max(...steps.map(({ peakBytes }) => peakBytes));

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
  const args = [join(here, "peers/step_trl.py"), "--variant", variant, ...shared, "--serve"];
  const name = `TRL ${variant}${isCompiled ? ", compiled" : ""}`;
  return { name, command: [python, isCompiled ? [...args, "--compile"] : args] };
};
const rounds = Number(flags.rounds);

process.stdout.write(
  `${new Date().toISOString().slice(0, 10)}, ${os.cpus()[0].model.trim()}, ${flags.threads} threads, ` +
    `Node ${process.version}, load ${os.loadavg()[0].toFixed(1)}, ${rounds} rounds interleaved, medians; ` +
    `vocabulary ${flags.vocabulary}, ${flags.sequences} × 256 tokens, prompt share ${flags["prompt-share"]}\n\n` +
    "| step | beside | tokens/s, ours / theirs | ratio | peak memory, ours / theirs | ratio |\n|---|---|---:|---:|---:|---:|\n",
);
// One peer beside ours at a time: more would not fit into memory, and a pair shares the machine's mood.
for (const [label, variant, peerVariant] of comparisons) {
  for (const isCompiled of [false, true]) {
    const { name, command } = peer(peerVariant, isCompiled);
    if (!name.includes(flags.beside)) continue;
    const ours = [process.execPath, [script, "--variant", variant, ...shared]];
    const pair = [ours, command].map((each) => startPeer(...each, flags.threads));
    for (const one of pair) await one.ready();
    for (let round = -2; round < rounds; round++) for (const one of pair) await one.step(round >= 0);
    for (const one of pair) await one.end();
    const [mine, other] = pair;
    process.stdout.write(
      `| ${label} | ${name} | ${speed(mine).toFixed(0)} / ${speed(other).toFixed(0)} | ${(speed(mine) / speed(other)).toFixed(2)} ` +
        `| ${(peakOf(mine) / 1e9).toFixed(2)} / ${(peakOf(other) / 1e9).toFixed(2)} GB | ${(peakOf(mine) / peakOf(other)).toFixed(2)} |\n`,
    );
  }
}

const profiledVariant = { live: "hidden-ready", cached: "sparse-ready" }[flags.compare];
const folder = mkdtempSync(join(os.tmpdir(), "limbeck-step-"));
const profiled = startPeer(
  process.execPath,
  [script, "--variant", profiledVariant, ...shared, "--profile", join(folder, "trace")],
  flags.threads,
);
await profiled.ready();
for (let i = 0; i < 4; i++) await profiled.step(false);
await profiled.end();
process.stdout.write(
  `\nOur step, ${profiledVariant}: ${(100 * matrixShare(folder)).toFixed(0)} % of the engine's time in matrix products.\n`,
);
rmSync(folder, { recursive: true });
