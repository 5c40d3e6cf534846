/**
 * @file Our side of the step benchmark: one whole training step (teacher where online, forward, loss, backward, AdamW) on
 * random weights and tokens, timed one by one when asked on standard input. See README.md here.
 *
 *     node bench/step-ours.mjs --variant dense-ready|hidden-ready|online|online-int8 [--threads 2] [--vocabulary 49152] [--sequences 4] [--recompute] [--profile PREFIX]
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { chunkRowsFor } from "../dist/losses/chunked-head.js";
import { makeFreshStudent } from "../dist/students/fresh-student.js";
import { makeLocalTeacher } from "../dist/teachers/local-teacher.js";
import { Trainer } from "../dist/training/trainer.js";
import { loadModelFolder } from "../dist/weights/load-model.js";

const { values: flags } = parseArgs({
  options: {
    variant: { type: "string", default: "hidden-ready" },
    threads: { type: "string", default: "2" },
    vocabulary: { type: "string", default: "49152" },
    sequences: { type: "string", default: "4" },
    recompute: { type: "boolean", default: false },
    profile: { type: "string" },
  },
});
const [threads, vocabSize, sequences] = [flags.threads, flags.vocabulary, flags.sequences].map(Number);
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
let seed = 1;
const random = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
};
const ids = Int32Array.from({ length: size }, () => Math.floor(random() * vocabSize));
const rectangle = {
  sequences,
  tokens,
  ids,
  positions: Int32Array.from({ length: size }, (_, i) => i % tokens),
  documents: new Int32Array(size),
};
const rows = Int32Array.from({ length: size }, (_, i) => i);
const batch = {
  student: rectangle,
  teacher: rectangle,
  rows: {
    count: size,
    studentIndex: rows,
    teacherIndex: rows,
    targetIds: ids,
    weights: new Float32Array(size).fill(1),
    documents: new Int32Array(size),
  },
};
/** `length` numbers around 0; filled in place, so that nothing but the array counts in the peak. */
function noise(length, width) {
  const values = new Float32Array(length);
  for (let i = 0; i < length; i++) values[i] = width * (random() + random() + random() - 1.5);
  return values;
}

/** A teacher whose logits are ready. */
function denseTeacher() {
  const signal = { kind: "dense", rows: size, headWidth: vocabSize, logits: noise(size * vocabSize, 1) };
  return {
    form: { kind: "dense", headWidth: vocabSize },
    headFeeds: {},
    signal: async () => signal,
    dispose: async () => {},
  };
}

/** A teacher whose final hidden states are ready: they, and its head, are of the size that a real one hands over. */
function hiddenTeacher() {
  const hiddenSize = 576;
  const signal = { kind: "hidden", rows: size, headWidth: vocabSize, hiddenSize, hidden: noise(size * hiddenSize, 1) };
  const head = {
    dtype: "float32",
    dims: [vocabSize, hiddenSize],
    data: noise(vocabSize * hiddenSize, 0.04),
  };
  return {
    form: { kind: "hidden", headWidth: vocabSize, hiddenSize },
    headFeeds: { "teacher.head": head },
    signal: async () => signal,
    dispose: async () => {},
  };
}

const teacherShape = { ...common, layers: 30, hiddenSize: 576, heads: 9, keyValueHeads: 3, feedForwardSize: 1536 };

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

const teachers = {
  "dense-ready": denseTeacher,
  "hidden-ready": hiddenTeacher,
  online: liveTeacher,
  "online-int8": quantizedTeacher,
};
const teacher = await teachers[flags.variant]();
const objective = {
  soft: { kind: "divergence", weight: 1, divergence: "forward-kl", temperature: 1, scaleByTemperatureSquared: true },
};
const trainer = await Trainer.create(student, teacher, objective, {
  positionCount: tokens,
  chunkRows: chunkRowsFor(vocabSize, size),
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
  const { loss } = await trainer.step([batch], step, 1e-4);
  const seconds = (performance.now() - started) / 1000;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(`${JSON.stringify({ seconds, tokens: size, loss, peakBytes })}\n`);
}
await trainer.dispose();
await teacher.dispose();
