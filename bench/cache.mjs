/**
 * @file What a cache of a teacher's distributions costs and loses: bytes per token and KL from the whole distribution for every kind of
 * store, beside DistillKit's two published settings, and how far the gradient of each tail is from the exact one.
 *
 *     node bench/cache.mjs [MODEL] [ROWS.jsonl] [TOKENS]
 *
 * For the KL every sparse side spreads its tail evenly over the ids that it does not name. DistillKit's layout is computed here from
 * its published format: ids of ⌈log₂ V⌉ bits, the first log-probs in bfloat16, a least-squares fit of the others in float32.
 */

import { writeFileSync } from "node:fs";
import process from "node:process";
import { createRandom, encodeRows, loadChatTemplate, loadTokenizer, readRows } from "../dist/data/index.js";
import { Graph } from "../dist/graph/graph.js";
import * as g from "../dist/graph/ops/index.js";
import { compile } from "../dist/runtime/executor.js";
import { float32Tensor } from "../dist/runtime/tensor.js";
import { codecOf, distinctDocuments, planBlocks } from "../dist/signals/cache/index.js";
import { cacheSchema } from "../dist/signals/cache/options.js";
import { makeLocalTeacher } from "../dist/teachers/local-teacher.js";
import { makeSparseTeacher } from "../dist/teachers/sparse-teacher.js";
import { locateModel } from "../dist/weights/hub/index.js";
import { loadModelFolder } from "../dist/weights/load-model.js";

const [model = "smollm2-135m-instruct", rowsFile = ".limbeck/stories/addresses-held-out.jsonl", limit = "2048"] =
  process.argv.slice(2);
const path = await locateModel(model);
const loaded = await loadModelFolder(path);
const tokenizer = await loadTokenizer(path);
const { hiddenSize, headWidth } = loaded.shape;
const { documents } = await encodeRows(readRows(rowsFile), {
  tokenizer,
  chatTemplate: await loadChatTemplate("auto", tokenizer),
  sequenceLength: 512,
});
let tokens = 0;
const sample = distinctDocuments(documents).filter(({ responseTokens }) => {
  tokens += responseTokens;
  return tokens - responseTokens < Number(limit);
});
const threads = 2;
const plan = planBlocks(sample);
const teacher = await makeLocalTeacher(loaded, { positionCount: plan.positionCount });
const batches = Array.from({ length: plan.blocks }, (_, i) => plan.batch(i));
const hiddens = [];
for (const batch of batches) hiddens.push(await teacher.signal(batch));
const rows = hiddens.reduce((sum, each) => sum + each.rows, 0);

const graph = new Graph();
const input = graph.input("hidden", "float32", ["rows", hiddenSize]);
const headName = Object.keys(teacher.headFeeds)[0];
const head = graph.parameter(headName, [headWidth, hiddenSize], "float32");
const logProbs = g.logSoftmax(g.matMul(input, head, { transposeB: true }));
const program = await compile(graph, { logProbs }, { weights: teacher.headFeeds });

/** Calls `visit` with the log-probs over the head of every row. */
async function eachRow(hidden, visit) {
  const count = hidden.length / hiddenSize;
  for (let from = 0; from < count; from += 128) {
    const to = Math.min(count, from + 128);
    const values = float32Tensor([to - from, hiddenSize], hidden.slice(from * hiddenSize, to * hiddenSize));
    const { data } = (await program.run({ hidden: values })).logProbs;
    for (let row = from; row < to; row++)
      visit(row, data.subarray((row - from) * headWidth, (row - from + 1) * headWidth));
  }
}

/** Bytes of a signal's planes, without the few bytes per document and block that find and check it. */
function encodeAll(codec, signals) {
  let bytes = 0;
  const decoded = signals.map((signal, i) => {
    const parts = [];
    const { rows: at, documents: set } = batches[i];
    for (let from = 0; from < at.count; ) {
      const to = from + set[at.documents[from]].responseTokens;
      const planes = codec.encode(signal, from, to);
      bytes += Object.values(planes).reduce((sum, { length }) => sum + length, 0);
      parts.push({ from, to, signal: codec.decode(planes, to - from) });
      from = to;
    }
    return parts;
  });
  return { decoded, bytesPerToken: bytes / rows };
}

/** KL(p ‖ q) where q names some ids and spreads the rest evenly. `kept` is a map from id to log q. */
function klSpread(logP, kept) {
  let mass = 0;
  for (const logQ of kept.values()) mass += Math.exp(logQ);
  const rest = Math.log(Math.max(1e-12, 1 - mass) / (headWidth - kept.size));
  let kl = 0;
  for (let id = 0; id < headWidth; id++) kl += Math.exp(logP[id]) * (logP[id] - (kept.get(id) ?? rest));
  return kl;
}

function solve(matrix, values) {
  const size = values.length;
  const a = matrix.map((line, i) => [...line, values[i]]);
  for (let i = 0; i < size; i++) {
    const pivot = a.slice(i).reduce((best, line, j) => (Math.abs(line[i]) > Math.abs(a[best][i]) ? i + j : best), i);
    [a[i], a[pivot]] = [a[pivot], a[i]];
    for (let j = 0; j < size; j++) {
      if (j === i) continue;
      const factor = a[j][i] / a[i][i];
      for (let c = i; c <= size; c++) a[j][c] -= factor * a[i][c];
    }
  }
  return a.map((line, i) => line[size] / line[i]);
}

const toBfloat16 = (value) => {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  view.setUint16(2, 0);
  return view.getFloat32(0);
};

/** A DistillKit setting: what it gives back of the k likeliest. */
function distillKit({ k, exact, powers }) {
  const points = Array.from({ length: k - exact }, (_, t) => powers.map((power) => t ** power));
  // Columns scaled to their largest: the same least squares, well conditioned.
  const scales = powers.map((_, c) => Math.max(1, ...points.map((point) => point[c])));
  const scaled = points.map((point) => point.map((value, c) => value / scales[c]));
  const normal = powers.map((_, i) =>
    powers.map((_, j) => scaled.reduce((sum, point) => sum + point[i] * point[j], 0)),
  );
  return (order, logP) => {
    const targets = order.slice(exact, k).map((id) => logP[id]);
    const right = powers.map((_, i) => scaled.reduce((sum, point, t) => sum + point[i] * targets[t], 0));
    const coefficients = solve(normal, right);
    const kept = order.slice(0, k).map((id, i) => {
      const fit =
        i < exact ? toBfloat16(logP[id]) : scaled[i - exact].reduce((sum, x, c) => sum + x * coefficients[c], 0);
      return [id, fit];
    });
    const mass = kept.reduce((sum, [, value]) => sum + Math.exp(value), 0);
    // Their fill is at least 1e-8 per id; the whole is normalised.
    const total = Math.log(mass + (headWidth - k) * Math.max(1e-8, (1 - mass) / (headWidth - k)));
    return new Map(kept.map(([id, value]) => [id, value - total]));
  };
}

const idBits = Math.ceil(Math.log2(headWidth));
const peers = {
  "DistillKit recommended: k 128, 16 exact, 6 terms": { k: 128, exact: 16, powers: [0, 1, 2, 3, 4, 0.5] },
  "DistillKit budget: k 50, 1 exact, 3 terms": { k: 50, exact: 1, powers: [0, 1, 0.5] },
};

const table = [];
const add = (store, bytesPerToken, kl) => {
  table.push({ store, bytesPerToken, kl });
  process.stdout.write(`${store.padEnd(76)} ${bytesPerToken.toFixed(1).padStart(8)} B  KL ${kl.toExponential(2)}\n`);
};

process.stdout.write(`${model}: ${rows} tokens of ${rowsFile}, V = ${headWidth}\n`);
const wholes = hiddens.map(({ hidden }) => hidden);
for (const precision of ["float32", "float16", "int8"]) {
  const codec = codecOf({ kind: "hidden", precision, hiddenSize, headWidth });
  const { decoded, bytesPerToken } = encodeAll(codec, hiddens);
  let kl = 0;
  for (const [i, parts] of decoded.entries()) {
    const back = Float32Array.from(parts.flatMap(({ signal }) => [...signal.hidden]));
    const own = [];
    await eachRow(wholes[i], (row, values) => {
      own[row] = values.slice();
    });
    await eachRow(back, (row, values) => {
      for (let id = 0; id < headWidth; id++) kl += Math.exp(own[row][id]) * (own[row][id] - values[id]);
    });
  }
  add(`hidden, ${precision}`, bytesPerToken, kl / rows);
}

const likeliest = [];
for (const hidden of wholes) {
  await eachRow(hidden, (_, logP) => {
    const order = Array.from(logP.keys())
      .filter((id) => logP[id] > -12)
      .sort((a, b) => logP[b] - logP[a]);
    likeliest.push(
      order.length >= 128 ? order.slice(0, 128) : [...logP.keys()].sort((a, b) => logP[b] - logP[a]).slice(0, 128),
    );
  });
}
for (const [name, setting] of Object.entries(peers)) {
  const restore = distillKit(setting);
  let [kl, row] = [0, 0];
  for (const hidden of wholes) {
    await eachRow(hidden, (_, logP) => {
      kl += klSpread(logP, restore(likeliest[row++], logP));
    });
  }
  const bytes = Math.ceil((setting.k * idBits) / 8) + 2 * setting.exact + 4 * setting.powers.length;
  add(name, bytes, kl / rows);
}

const stores = [
  { topK: 8 },
  { topK: 16 },
  { topK: 32 },
  { topK: 50 },
  { topK: 64 },
  { topK: 128 },
  { topK: 50, logProbError: 0.5 },
  { topK: 128, topP: 0.95 },
  { topK: 255, minimumProbability: 0.004, logProbError: 0.5 },
  { topK: 255, minimumProbability: 0.002, logProbError: 0.5 },
  { topK: 255, minimumProbability: 0.001, logProbError: 0.5 },
  { topK: 255, minimumProbability: 0.0005, logProbError: 0.5 },
  { topK: 255, minimumProbability: 0.0002, logProbError: 0.5 },
  { topK: 64, logProbError: 0 },
];
const choose = (options) => {
  const { tail, ...kept } = cacheSchema.parse({ store: { kind: "sparse", ...options } }).store;
  return { ...kept, temperatures: [1], headWidth };
};
const saying = (signals) => ({
  ...teacher,
  signal: async (batch) => signals[batches.indexOf(batch)],
  dispose: async () => {},
});
for (const options of stores) {
  const stored = choose(options);
  const sparse = await makeSparseTeacher(saying(hiddens), stored, threads);
  const said = [];
  for (const batch of batches) said.push(await sparse.signal(batch));
  await sparse.dispose();
  const { decoded, bytesPerToken } = encodeAll(codecOf(stored), said);
  let kl = 0;
  for (const [i, parts] of decoded.entries()) {
    await eachRow(wholes[i], (row, logP) => {
      const { from, signal } = parts.find((part) => row >= part.from && row < part.to);
      const at = (row - from) * signal.k;
      const kept = new Map();
      for (let j = at; j < at + signal.k; j++)
        if (signal.logProbs[j] > -1e29) kept.set(signal.ids[j], signal.logProbs[j]);
      kl += klSpread(logP, kept);
    });
  }
  add(`sparse, ${JSON.stringify(options).replaceAll('"', "")}`, bytesPerToken, kl / rows);
}

// Gradients by the student's logits, of a student whose logits are the teacher's with noise of 1 added to each.
const draws = 16;
const variants = [
  [{ topK: 50 }, ["bucket", "drop", "renormalize"]],
  [{ topK: 0, samples: 50 }, ["sampled"]],
  [{ topK: 32, samples: 16 }, ["sampled"]],
];
const gradients = [];
const sampledRows = Math.min(256, batches[0].rows.count);
for (const [options, tails] of variants) {
  const stored = choose({ ...options, ...(options.samples ? { tail: "sampled" } : {}) });
  const repeats = options.samples ? draws : 1;
  const said = [];
  let bytes = 0;
  for (let turn = 0; turn < repeats; turn++) {
    const sparse = await makeSparseTeacher(saying(hiddens), stored, threads);
    // Other draws: the same rows of documents that are found by another key.
    const batch = {
      ...batches[0],
      documents: batches[0].documents.map((each) => ({ ...each, teacher: turned(each.teacher, turn) })),
    };
    const known = batches[0];
    batches[0] = batch;
    said.push(await sparse.signal(batch));
    batches[0] = known;
    await sparse.dispose();
  }
  bytes = encodeAll(codecOf(stored), await all(stored)).bytesPerToken;
  for (const tail of tails) {
    let [single, mean, norm] = [0, 0, 0];
    await eachRow(wholes[0].slice(0, sampledRows * hiddenSize), (row, logP) => {
      const random = createRandom(1, row);
      const normal = () =>
        Math.sqrt(-2 * Math.log(1 - random.nextFloat())) * Math.cos(2 * Math.PI * random.nextFloat());
      const logits = Float64Array.from(logP, (value) => value + normal());
      const logZ = Math.log(logits.reduce((sum, value) => sum + Math.exp(value), 0));
      const q = logits.map((value) => Math.exp(value - logZ));
      const exact = q.map((value, id) => value - Math.exp(logP[id]));
      const average = new Float64Array(headWidth);
      for (const signal of said) {
        const estimate = gradientOf(signal, row, q, tail);
        for (let id = 0; id < headWidth; id++) average[id] += estimate[id] / repeats;
        single += distance(estimate, exact) / repeats;
      }
      mean += distance(average, exact);
      norm += distance(exact, new Float64Array(headWidth));
    });
    const name = `${JSON.stringify(options).replaceAll('"', "")}, ${tail}`;
    gradients.push({ name, bytesPerToken: bytes, error: single / norm, errorOfMean: mean / norm });
    process.stdout.write(
      `gradient of ${name.padEnd(50)} ${bytes.toFixed(1).padStart(6)} B  error ${(single / norm).toFixed(3)}, of the mean of ${repeats}: ${(mean / norm).toFixed(3)}\n`,
    );
  }
}
if (process.env.OUT) writeFileSync(process.env.OUT, JSON.stringify({ model, rows, table, gradients }, null, 2));
await program.dispose();
await teacher.dispose();

async function all(stored) {
  const sparse = await makeSparseTeacher(saying(hiddens), stored, threads);
  const said = [];
  for (const batch of batches) said.push(await sparse.signal(batch));
  await sparse.dispose();
  return said;
}

/** The same tokens under another key: one id of the prompt's first token differs. */
function turned({ ids, responseMask }, turn) {
  const other = ids.slice();
  other[0] = turn;
  return { ids: other, responseMask };
}

function distance(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum);
}

/** ∂row/∂logits for what a sparse signal says: Σ w (q − 1ᵢ) over its ids, and with a bucket the rest drawn to the tail's mass. */
function gradientOf({ k, ids, logProbs, importance }, row, q, tail) {
  const weights = new Map();
  let mass = 0;
  for (let i = row * k; i < (row + 1) * k; i++) {
    if (logProbs[i] < -1e29) continue;
    const weight = (tail === "sampled" ? importance[i] : 1) * Math.exp(logProbs[i]);
    weights.set(ids[i], weight);
    mass += weight;
  }
  if (tail === "renormalize") for (const [id, weight] of weights) weights.set(id, weight / mass);
  const total = tail === "renormalize" || tail === "bucket" ? 1 : mass;
  const gradient = q.map((value) => total * value);
  for (const [id, weight] of weights) gradient[id] -= weight;
  if (tail !== "bucket") return gradient;
  let kept = 0;
  for (const id of weights.keys()) kept += q[id];
  for (let id = 0; id < headWidth; id++) if (!weights.has(id)) gradient[id] -= ((1 - mass) * q[id]) / (1 - kept);
  return gradient;
}
