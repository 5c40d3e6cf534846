/**
 * @file Generating with a model of SmolLM2-135M's shape, ours in float32, 8 and 4 bits beside transformers and llama.cpp, in turn
 * on this machine: tokens per second of reading a prompt and of decoding, and peak memory. Prints a table in Markdown; see
 * README.md here.
 *
 *     node bench/generate.mjs [--python PYTHON] [--llama FOLDER] [--rounds 5] [--threads 2] [--prompt 256] [--tokens 48]
 *
 * `--python` is a Python with bench/peers/requirements-dense.txt, `--llama` a folder with node-llama-cpp in its node_modules.
 */

import os from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { locateModel } from "../dist/weights/hub/index.js";
import { median, startPeer } from "./interleave.mjs";

const { values: flags } = parseArgs({
  options: {
    python: { type: "string" },
    llama: { type: "string" },
    model: { type: "string", default: "smollm2-135m-instruct" },
    rounds: { type: "string", default: "5" },
    threads: { type: "string", default: "2" },
    prompt: { type: "string", default: "256" },
    tokens: { type: "string", default: "48" },
  },
});
const sizes = ["--threads", flags.threads, "--prompt", flags.prompt, "--tokens", flags.tokens];
const model = await locateModel(flags.model);
const here = (name) => join(import.meta.dirname, name);

const sides = ["float32", "int8", "int4"].map((precision) => [
  `limbeck ${precision}`,
  process.execPath,
  [here("generate-ours.mjs"), "--model", model, "--precision", precision],
]);
if (flags.python)
  sides.push(["transformers float32", flags.python, [here("peers/generate_transformers.py"), "--serve"]]);
if (flags.llama) {
  const args = [here("peers/generate-llama.mjs"), "--from", flags.llama, "--model", model];
  sides.push(["llama.cpp, the same file", process.execPath, args]);
}
const peers = sides.map(([name, command, args]) => ({
  name,
  peer: startPeer(command, [...args, ...sizes], flags.threads),
}));
const load = os.loadavg()[0].toFixed(1);
for (const { peer } of peers) await peer.ready();
for (const { peer } of peers) await peer.step(false);
for (let round = 0; round < Number(flags.rounds); round++) for (const { peer } of peers) await peer.step(true);
for (const { peer } of peers) await peer.end();

const rows = peers.map(({ name, peer: { steps } }) => {
  const of = (key) => median(steps.map((step) => step[key]));
  const rates = [Number(flags.prompt) / of("promptSeconds"), 1 / of("decodeSeconds"), of("peakBytes") / 1e9];
  return `| ${[name, rates[0].toFixed(0), rates[1].toFixed(1), rates[2].toFixed(2)].join(" | ")} |\n`;
});
process.stdout.write(
  `${new Date().toISOString().slice(0, 10)}, ${os.cpus()[0].model.trim()}, ${flags.threads} threads, ` +
    `Node ${process.version}, load ${load}, ${flags.rounds} rounds interleaved, medians, one sequence\n\n` +
    `| | prompt of ${flags.prompt}, tokens/s | decoding ${flags.tokens} after it, tokens/s | peak memory, GB |\n` +
    `|---|---:|---:|---:|\n${rows.join("")}`,
);
