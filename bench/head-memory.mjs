/**
 * @file Peak memory of the output head and its loss, forward and backward, by rows and vocabulary: chunked as limbeck does
 * it, and all rows at once for comparison. Each point in a process of its own. Prints a table in Markdown.
 *
 *     node bench/head-memory.mjs [--vocabularies 49152,151936] [--rows 1024,4096]
 */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gradients } from "../dist/autodiff/index.js";
import { rowDims } from "../dist/data/batch-feeds.js";
import { Graph } from "../dist/graph/index.js";
import { chunkedObjective, chunkRowsFor } from "../dist/losses/chunked-head.js";
import { compile } from "../dist/runtime/index.js";
import { signalInputs } from "../dist/signals/signal-feeds.js";

const { values: flags } = parseArgs({
  options: {
    vocabularies: { type: "string", default: "49152,151936" },
    rows: { type: "string", default: "1024,4096" },
    point: { type: "string" },
  },
});
const [width, teacherWidth] = [384, 576];

/** One step of the head in this process: prints seconds and the memory beyond what its inputs and results take. */
async function measure(vocabulary, rows, chunkRows) {
  const graph = new Graph();
  const chunked = (name, dtype, ...rest) => graph.input(name, dtype, [...rowDims, ...rest]);
  const hidden = chunked("hidden", "float32", width);
  const headWeight = graph.parameter("head", [vocabulary, width]);
  const form = { kind: "hidden", headWidth: vocabulary, hiddenSize: teacherWidth };
  const { total } = chunkedObjective(
    {
      hidden,
      headWeight,
      targetIds: chunked("targetIds", "int32"),
      rowWeights: chunked("rowWeights", "float32"),
      teacher: signalInputs(graph, form, "float32"),
    },
    {
      soft: {
        kind: "divergence",
        divergence: "forward-kl",
        weight: 1,
        temperature: 1,
        scaleByTemperatureSquared: true,
      },
    },
  );
  const [hiddenGradient, headGradient] = gradients(total, [hidden, headWeight]);
  const program = await compile(graph, { total, hiddenGradient, headGradient });
  const chunks = rows / chunkRows;
  const tensor = (dims) => {
    const data = new Float32Array(dims.reduce((product, size) => product * size, 1));
    for (let i = 0; i < data.length; i++) data[i] = Math.sin(i) * 0.05;
    return { dtype: "float32", dims, data };
  };
  const feeds = {
    hidden: tensor([chunks, chunkRows, width]),
    head: tensor([vocabulary, width]),
    targetIds: { dtype: "int32", dims: [chunks, chunkRows], data: new Int32Array(rows) },
    rowWeights: { dtype: "float32", dims: [chunks, chunkRows], data: new Float32Array(rows).fill(1) },
    "teacher.hidden": tensor([chunks, chunkRows, teacherWidth]),
    "teacher.head": tensor([vocabulary, teacherWidth]),
  };
  const before = process.memoryUsage().rss;
  await program.run(feeds);
  const started = performance.now();
  await program.run(feeds);
  const seconds = (performance.now() - started) / 1000;
  await program.dispose();
  process.stdout.write(JSON.stringify({ seconds, bytes: process.resourceUsage().maxRSS * 1024 - before }));
}

if (flags.point) {
  await measure(...flags.point.split(",").map(Number));
} else {
  process.stdout.write(
    "| vocabulary | rows | rows at once | peak memory of the step | seconds |\n|---:|---:|---:|---:|---:|\n",
  );
  for (const vocabulary of flags.vocabularies.split(",").map(Number)) {
    for (const rows of flags.rows.split(",").map(Number)) {
      for (const chunkRows of [chunkRowsFor(vocabulary, rows), rows]) {
        const point = [vocabulary, rows, chunkRows].join();
        const { stdout, status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), "--point", point], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        const { bytes, seconds } = status === 0 ? JSON.parse(stdout) : {};
        const figures = status === 0 ? `${(bytes / 1e9).toFixed(2)} GB | ${seconds.toFixed(2)}` : "out of memory | ";
        process.stdout.write(`| ${vocabulary} | ${rows} | ${chunkRows} | ${figures} |\n`);
      }
    }
  }
}
