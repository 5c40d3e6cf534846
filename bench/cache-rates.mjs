/**
 * @file How fast captures are written and read: bytes per row, MB and rows per second, and how many times as fast as a training step
 * needs its rows. The teacher's own time is left out: signals are drawn before the clock starts. Prints a table in Markdown.
 *
 *     node bench/cache-rates.mjs [--documents 64] [--tokens 512] [--hidden 576] [--vocabulary 49152] [--step-rows 1024] [--step-seconds 2]
 *
 * A write is all that a capture does: batches, coding, checksums, files, joining them. A read is what a step does: one batch of shuffled
 * documents, decoded and joined; the first time through with the checksum of every block, then without. `--step-rows` and `--step-seconds`
 * state the step that is fed: 1,024 rows in 2 seconds is what bench/RESULTS.md measures.
 */

import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createRandom, makeBatch, shuffle } from "../dist/data/index.js";
import { openShards, planBlocks } from "../dist/signals/cache/index.js";
import { makeCachedTeacher, OpenCaptures } from "../dist/teachers/cached-teacher.js";
import { captureSignals } from "../dist/teachers/capture-signals.js";
import { makeFreshCapture } from "./fresh-capture.mjs";
import { makeRandom, randomDocuments } from "./random-documents.mjs";

const { values: flags } = parseArgs({
  options: {
    documents: { type: "string", default: "64" },
    tokens: { type: "string", default: "512" },
    hidden: { type: "string", default: "576" },
    vocabulary: { type: "string", default: "49152" },
    "step-rows": { type: "string", default: "1024" },
    "step-seconds": { type: "string", default: "2" },
  },
});
const [count, tokens, hiddenSize, vocabSize, stepRows, stepSeconds] = [
  flags.documents,
  flags.tokens,
  flags.hidden,
  flags.vocabulary,
  flags["step-rows"],
  flags["step-seconds"],
].map(Number);
const documents = randomDocuments({ count, tokens, promptShare: 0, vocabSize });
const plan = planBlocks(documents);
const random = makeRandom(3);

function hiddenSignal(rows) {
  const hidden = Float32Array.from({ length: rows * hiddenSize }, () => 3 * (random() + random() + random() - 1.5));
  return { kind: "hidden", headWidth: vocabSize, hiddenSize, rows, hidden };
}

/** Distinct ids, frequent ones low as tokenizers have them, with probabilities that fall as a power of the rank. */
function sparseSignal(rows, k) {
  const [ids, logProbs] = [new Int32Array(rows * k), new Float32Array(rows * k)];
  for (let row = 0; row < rows; row++) {
    const drawn = new Set();
    while (drawn.size < k) drawn.add(Math.floor(vocabSize ** random()) % vocabSize);
    ids.set([...drawn], row * k);
    const power = 1 + random();
    const scale = Math.log(Array.from({ length: k }, (_, i) => (i + 1) ** -power).reduce((a, b) => a + b) / 0.95);
    for (let i = 0; i < k; i++) logProbs[row * k + i] = -power * Math.log(i + 1) - scale;
  }
  const targetLogProbs = Float32Array.from({ length: rows }, () => -8 * random());
  return { kind: "sparse", headWidth: vocabSize, rows, k, ids, logProbs, targetLogProbs, logNormalizers: new Map() };
}

const seconds = async (run) => {
  const started = performance.now();
  await run();
  return (performance.now() - started) / 1000;
};

/** Batches of a step's rows, of documents in another order than they were captured in. */
function stepBatches() {
  const order = Uint32Array.from(documents.keys());
  shuffle(order, createRandom(1, 0));
  const perStep = Math.max(1, Math.round(stepRows / (tokens - 1)));
  return Array.from({ length: Math.ceil(count / perStep) }, (_, step) => {
    const lines = Array.from(order.subarray(step * perStep, (step + 1) * perStep), (index) => [index]);
    return makeBatch(documents, lines, { sequenceLength: tokens, packing: false });
  });
}

process.stdout.write(
  `${new Date().toISOString().slice(0, 10)}, ${os.cpus()[0].model.trim()}, Node ${process.version}, load ${os.loadavg()[0].toFixed(1)}; ` +
    `${count} documents of ${tokens} tokens, vocabulary ${vocabSize}, hidden size ${hiddenSize}; a step of ${stepRows} rows in ${stepSeconds} s\n\n` +
    "| store | bytes per row | written, MB/s | rows/s | first read, MB/s | rows/s | times a step's need | read again, rows/s |\n" +
    "|---|---:|---:|---:|---:|---:|---:|---:|\n",
);
const batches = stepBatches();
for (const store of [
  { kind: "hidden", precision: "float32" },
  { kind: "hidden", precision: "float16" },
  { kind: "hidden", precision: "int8" },
  { kind: "sparse" },
  { kind: "sparse", logProbError: 0 },
]) {
  const folder = mkdtempSync(join(os.tmpdir(), "limbeck-rates-"));
  try {
    const { capture, form } = await makeFreshCapture(folder, documents, store, { hiddenSize, vocabSize });
    const signals = Array.from({ length: plan.blocks }, (_, block) => {
      const rows = plan.batch(block).rows.count;
      return form.kind === "hidden" ? hiddenSignal(rows) : sparseSignal(rows, form.k);
    });
    const said = signals.values();
    const teacher = { form, headFeeds: {}, signal: async () => said.next().value, dispose: async () => {} };
    const written = await seconds(() => captureSignals(capture, documents, { open: async () => teacher }));
    const shards = await openShards(capture);
    const [rows, bytes] = [
      capture.description.data.rows,
      shards.reduce((sum, { bytesOnDisk }) => sum + bytesOnDisk, 0),
    ];
    for (const shard of shards) await shard.close();
    const cached = makeCachedTeacher(await OpenCaptures.open([capture]), { form, headFeeds: {} });
    const readAll = () =>
      seconds(async () => {
        for (const batch of batches) await cached.signal(batch);
      });
    const [first, again] = [await readAll(), await readAll()];
    await cached.dispose();
    const megabytes = (time) => (bytes / 1e6 / time).toFixed(0);
    const rate = (time) => (rows / time).toFixed(0);
    const name = `${store.kind} ${store.precision ?? (store.logProbError === 0 ? "64, float32" : "64, coded")}`;
    process.stdout.write(
      `| ${name} | ${(bytes / rows).toFixed(1)} | ${megabytes(written)} | ${rate(written)} | ${megabytes(first)} | ${rate(first)} ` +
        `| ${(rows / first / (stepRows / stepSeconds)).toFixed(0)} | ${rate(again)} |\n`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
