/**
 * @file Our side of the generation benchmark: a model (given, or a random one of SmolLM2-135M's shape) reads a prompt and continues it greedily,
 * timed when asked on standard input. See README.md here.
 *
 *     node bench/generate-ours.mjs [--precision int4 --model MODEL] [--threads 2] [--prompt 256] [--tokens 48]
 */

import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { makeTokenGenerator } from "../dist/generation/index.js";
import { makeFreshStudent } from "../dist/students/fresh-student.js";
import { locateModel } from "../dist/weights/hub/index.js";
import { loadModelFolder } from "../dist/weights/load-model.js";

const { values: flags } = parseArgs({
  options: {
    model: { type: "string" },
    precision: { type: "string", default: "float32" },
    threads: { type: "string", default: "2" },
    prompt: { type: "string", default: "256" },
    tokens: { type: "string", default: "48" },
  },
});
const [threads, promptTokens, maxTokens] = [flags.threads, flags.prompt, flags.tokens].map(Number);
const vocabSize = 49_152;
const shape = {
  modelType: "llama",
  layers: 30,
  hiddenSize: 576,
  heads: 9,
  keyValueHeads: 3,
  feedForwardSize: 1536,
  tieEmbeddings: true,
  maxPositions: 8192,
  ropeTheta: 100_000,
  normEpsilon: 1e-5,
  vocabSize,
};
const model = flags.model
  ? await loadModelFolder(await locateModel(flags.model), { precision: flags.precision, use: "writing" })
  : makeFreshStudent(shape, 0);
const generator = await makeTokenGenerator(model, { threads });
const prompt = Int32Array.from({ length: promptTokens }, (_, i) => (i * 7919) % vocabSize);

process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== "step") break;
  const started = performance.now();
  let firstAt = 0;
  let count = 0;
  for await (const _ of generator.generate([prompt], { maxTokens })) {
    if (count++ === 0) firstAt = performance.now();
  }
  const promptSeconds = (firstAt - started) / 1000;
  const decodeSeconds = (performance.now() - firstAt) / 1000 / (count - 1);
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(`${JSON.stringify({ promptSeconds, decodeSeconds, peakBytes })}\n`);
}
await generator.dispose();
