/**
 * @file Our side of the step benchmark: one whole training step (teacher where online, forward, loss, backward, AdamW) on
 * random weights and tokens, timed one by one when asked on standard input. See README.md here.
 *
 *     node bench/step-ours.mjs --variant dense-ready|hidden-ready|online|online-int8|sparse-ready|cached-hidden [--threads 2]
 *       [--vocabulary 49152] [--sequences 4] [--prompt-share 0] [--recompute] [--profile PREFIX]
 *
 * sparse-ready and cached-hidden read every step's signal from a capture on disk, of rows that no step before has read.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { chunkRows } from "../dist/data/batch-feeds.js";
import { makeBatch } from "../dist/data/index.js";
import { chunkRowsFor } from "../dist/losses/chunked-head.js";
import { readCapture } from "../dist/signals/cache/index.js";
import { makeFreshStudent } from "../dist/students/fresh-student.js";
import { makeCachedTeacher, OpenCaptures } from "../dist/teachers/cached-teacher.js";
import { makeLocalTeacher } from "../dist/teachers/local-teacher.js";
import { Trainer } from "../dist/training/trainer.js";
import { loadModelFolder } from "../dist/weights/load-model.js";
import { makeRandom, randomDocuments } from "./random-documents.mjs";

const { values: flags } = parseArgs({
  options: {
    variant: { type: "string", default: "hidden-ready" },
    threads: { type: "string", default: "2" },
    vocabulary: { type: "string", default: "49152" },
    sequences: { type: "string", default: "4" },
    "prompt-share": { type: "string", default: "0" },
    recompute: { type: "boolean", default: false },
    profile: { type: "string" },
  },
});
const [threads, vocabSize, sequences, promptShare] = [
  flags.threads,
  flags.vocabulary,
  flags.sequences,
  flags["prompt-share"],
].map(Number);
const tokens = 256;
const common = {
  modelType: "llama",
  tieEmbeddings: true,
  maxPositions: 512,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
  vocabSize,
};
const student = makeFreshStudent(
  { ...common, layers: 6, hiddenSize: 384, heads: 6, keyValueHeads: 2, feedForwardSize: 1024 },
  0,
);

const size = sequences * tokens;
/** Batches of documents of their own; steps take them in turn. */
const batchCount = 8;
const wanted = { count: batchCount * sequences, tokens, promptShare, vocabSize };
const documents = randomDocuments(wanted);
const batches = Array.from({ length: batchCount }, (_, batch) => {
  const lines = Array.from({ length: sequences }, (_, line) => [batch * sequences + line]);
  return makeBatch(documents, lines, { sequenceLength: tokens, packing: false });
});
const rows = batches[0].rows.count;
const mostRows = chunkRowsFor(vocabSize, size);
const random = makeRandom(2);
const teacherShape = { ...common, layers: 30, hiddenSize: 576, heads: 9, keyValueHeads: 3, feedForwardSize: 1536 };

/** `length` numbers around 0; filled in place, so that nothing but the array counts in the peak. */
function noise(length, width) {
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) values[i] = width * (random() + random() + random() - 1.5);
  return values;
}

/** A teacher whose logits are ready, in whole chunks. */
function denseTeacher() {
  const { chunks, chunkRows: rowsOfChunk } = chunkRows(batches[0].rows, mostRows);
  const logits = noise(chunks * rowsOfChunk * vocabSize, 1);
  const signal = { kind: "dense", rows, headWidth: vocabSize, logits };
  return {
    form: { kind: "dense", headWidth: vocabSize },
    headFeeds: {},
    signal: async () => signal,
    dispose: async () => {},
  };
}

function teacherHead() {
  const { hiddenSize } = teacherShape;
  const head = { dtype: "float32", dims: [vocabSize, hiddenSize], data: noise(vocabSize * hiddenSize, 0.04) };
  return { "teacher.head": head };
}

/** A teacher whose final hidden states are ready: they, and its head, are of the size that a real one hands over. */
function hiddenTeacher() {
  const { hiddenSize } = teacherShape;
  const signal = { kind: "hidden", rows, headWidth: vocabSize, hiddenSize, hidden: noise(rows * hiddenSize, 1) };
  return {
    form: { kind: "hidden", headWidth: vocabSize, hiddenSize },
    headFeeds: teacherHead(),
    signal: async () => signal,
    dispose: async () => {},
  };
}

async function liveTeacher() {
  return makeLocalTeacher(makeFreshStudent(teacherShape, 1), { positionCount: tokens, threads });
}

/** The same in 8 bits. It is rounded while it is read from a folder, which a process of its own has written. */
async function quantizedTeacher() {
  const folder = mkdtempSync(join(os.tmpdir(), "limbeck-teacher-"));
  try {
    execFileSync(process.execPath, [
      join(import.meta.dirname, "write-fresh.mjs"),
      folder,
      JSON.stringify(teacherShape),
    ]);
    const model = await loadModelFolder(join(folder, "teacher"), { precision: "int8" });
    return await makeLocalTeacher(model, { positionCount: tokens, threads });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A teacher whose signals are in a capture on disk, which a process of its own has made: the teacher never counts in our peak. */
async function cachedTeacher(store, headFeeds) {
  const folder = mkdtempSync(join(os.tmpdir(), "limbeck-capture-"));
  process.once("exit", () => rmSync(folder, { recursive: true }));
  // One layer is enough: what is stored has the same form and size whatever the depth.
  const options = { shape: { ...teacherShape, layers: 1 }, store, documents: wanted, threads };
  const script = join(import.meta.dirname, "capture-fresh.mjs");
  const { path, form } = JSON.parse(execFileSync(process.execPath, [script, folder, JSON.stringify(options)]));
  return makeCachedTeacher(await OpenCaptures.open([await readCapture(path)]), { form, headFeeds });
}

const teachers = {
  "dense-ready": denseTeacher,
  "hidden-ready": hiddenTeacher,
  online: liveTeacher,
  "online-int8": quantizedTeacher,
  "sparse-ready": () => cachedTeacher({ kind: "sparse" }, {}),
  "cached-hidden": () => cachedTeacher({ kind: "hidden" }, teacherHead()),
};
if (!(flags.variant in teachers)) {
  process.stderr.write(`step-ours: expected --variant ${Object.keys(teachers).join("|")}, got "${flags.variant}"\n`);
  process.exit(2);
}
const teacher = await teachers[flags.variant]();
const objective = {
  soft: { kind: "divergence", weight: 1, divergence: "forward-kl", temperature: 1, scaleByTemperatureSquared: true },
};
const trainer = await Trainer.create(student, teacher, objective, {
  positionCount: tokens,
  chunkRows: mostRows,
  recompute: flags.recompute,
  threads,
  optimizer: { betas: [0.9, 0.95], epsilon: 1e-8, weightDecay: 0.01, clipNorm: 1 },
  ...(flags.profile ? { profileTo: flags.profile } : {}),
});

let step = 0;
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== "step") break;
  step++;
  const started = performance.now();
  const { loss } = await trainer.step([batches[step % batchCount]], step, 1e-4);
  const seconds = (performance.now() - started) / 1000;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(`${JSON.stringify({ seconds, tokens: size, loss, peakBytes })}\n`);
}
await trainer.dispose();
await teacher.dispose();
