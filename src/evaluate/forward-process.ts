/** @file The process that `measureForward` starts: loads a model, reads random tokens for about two seconds, reports. */

import { createRandom } from "../data/random.js";
import { chunkRowsFor } from "../losses/chunked-head.js";
import { loadModelFolder } from "../weights/load-model.js";
import type { ForwardCost, ForwardRequest } from "./measure-forward.js";
import { makeRowScorer } from "./row-scores.js";
import { median } from "./statistics.js";

const request = JSON.parse(process.argv[2]!) as ForwardRequest;
const { sequences, tokens, threads, precision = "float32" } = request;
const model = await loadModelFolder(request.model, { precision });
const scorer = await makeRowScorer(model, {
  positionCount: tokens,
  chunkRows: chunkRowsFor(model.shape.headWidth, sequences * tokens),
  threads,
});
const random = createRandom(0);
const size = sequences * tokens;
const student = {
  sequences,
  tokens,
  ids: Int32Array.from({ length: size }, () => random.nextBelow(model.shape.headWidth)),
  positions: Int32Array.from({ length: size }, (_, i) => i % tokens),
  documents: new Int32Array(size),
};
const rows = Int32Array.from({ length: size }, (_, i) => i);
const batch = {
  student,
  teacher: student,
  rows: {
    count: size,
    studentIndex: rows,
    teacherIndex: rows,
    targetIds: student.ids,
    weights: new Float32Array(size).fill(1),
    documents: new Int32Array(size),
    offsets: rows,
  },
  documents: [],
};
const weights = Object.fromEntries(model.weights);
await scorer.score(batch, weights);
const seconds: number[] = [];
const started = performance.now();
while (seconds.length < 3 || (performance.now() - started < 2000 && seconds.length < 50)) {
  const before = performance.now();
  await scorer.score(batch, weights);
  seconds.push((performance.now() - before) / 1000);
}
await scorer.dispose();
const cost: ForwardCost = {
  tokensPerSecond: size / median(seconds),
  peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
};
process.send?.(cost);
