/**
 * @file One side of the teacher benchmark: a model reads 4 × 256 random tokens whenever asked on standard input, and hands over its
 * final hidden states. See README.md here.
 *
 *     node bench/teacher-ours.mjs --model MODEL --precision int8 [--threads 2]
 */

import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { makeLocalTeacher } from "../dist/teachers/local-teacher.js";
import { locateModel } from "../dist/weights/hub/index.js";
import { loadModelFolder } from "../dist/weights/load-model.js";

const { values: flags } = parseArgs({
  options: {
    model: { type: "string", default: "smollm2-135m-instruct" },
    precision: { type: "string", default: "float32" },
    threads: { type: "string", default: "2" },
  },
});
const [sequences, tokens] = [4, 256];
const emptyBytes = process.memoryUsage().rss;
const model = await loadModelFolder(await locateModel(flags.model), { precision: flags.precision });
const weightBytes = [...model.weights.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
const teacher = await makeLocalTeacher(model, { positionCount: tokens, threads: Number(flags.threads) });
const count = sequences * tokens;
const each = Int32Array.from({ length: count }, (_, i) => i);
const side = {
  sequences,
  tokens,
  ids: each.map((i) => (i * 7919) % model.shape.headWidth),
  positions: each.map((i) => i % tokens),
  documents: new Int32Array(count),
};
const rows = {
  count,
  studentIndex: each,
  teacherIndex: each,
  targetIds: each,
  weights: new Float32Array(count).fill(1),
  documents: new Int32Array(count),
};

process.stdout.write(`${JSON.stringify({ weightBytes, emptyBytes })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== "step") break;
  const started = performance.now();
  await teacher.signal({ student: side, teacher: side, rows });
  const seconds = (performance.now() - started) / 1000;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(`${JSON.stringify({ seconds, peakBytes })}\n`);
}
await teacher.dispose();
