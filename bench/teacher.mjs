/**
 * @file A teacher that reads 4 × 256 tokens in float32, 8 and 4 bits, interleaved on this machine: tokens per second, memory and
 * their ratios to float32. Prints a table in Markdown; see README.md here.
 *
 *     node bench/teacher.mjs [--model smollm2-135m-instruct] [--rounds 7] [--threads 2]
 */

import os from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median, startPeer } from "./interleave.mjs";

const { values: flags } = parseArgs({
  options: {
    model: { type: "string", default: "smollm2-135m-instruct" },
    rounds: { type: "string", default: "7" },
    threads: { type: "string", default: "2" },
  },
});
const script = join(import.meta.dirname, "teacher-ours.mjs");
const sides = ["float32", "int8", "int4"].map((precision) => {
  const args = [script, "--model", flags.model, "--precision", precision, "--threads", flags.threads];
  return { precision, peer: startPeer(process.execPath, args, flags.threads) };
});
const load = os.loadavg()[0].toFixed(1);
const facts = [];
for (const { peer } of sides) facts.push(await peer.ready());
for (let round = -2; round < Number(flags.rounds); round++) {
  for (const { peer } of sides) await peer.step(round >= 0);
}
for (const { peer } of sides) await peer.end();

const measured = sides.map(({ precision, peer }, i) => ({
  precision,
  rate: 1024 / median(peer.steps.map(({ seconds }) => seconds)),
  weights: facts[i].weightBytes,
  peak: Math.max(...peer.steps.map(({ peakBytes }) => peakBytes)),
  model: Math.max(...peer.steps.map(({ peakBytes }) => peakBytes)) - facts[i].emptyBytes,
}));
const [base] = measured;
const share = (value, whole) => `${(value / 1e6).toFixed(0)} MB (${(value / whole).toFixed(2)})`;
process.stdout.write(
  `${new Date().toISOString().slice(0, 10)}, ${os.cpus()[0].model.trim()}, ${flags.threads} threads, ` +
    `Node ${process.version}, load ${load}, ${flags.rounds} rounds interleaved, medians; ratios to float32 in brackets\n\n` +
    "| precision | tokens/s | weights | peak of the process | the same, less an empty one |\n|---|---:|---:|---:|---:|\n" +
    measured
      .map(
        ({ precision, rate, weights, peak, model }) =>
          `| ${precision} | ${rate.toFixed(0)} (${(rate / base.rate).toFixed(2)}) | ${share(weights, base.weights)} | ` +
          `${share(peak, base.peak)} | ${share(model, base.model)} |\n`,
      )
      .join(""),
);
