/**
 * @file Reading a prompt and decoding greedily with llama.cpp, timed when asked on standard input: what bench/generate.mjs compares
 * limbeck with. node-llama-cpp with its prebuilt binary, and nothing built:
 *
 *     npm install --omit=optional node-llama-cpp@3.22 @node-llama-cpp/linux-x64@3.22
 *     node bench/peers/generate-llama.mjs --from FOLDER --model FILE.gguf
 */

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const { values: flags } = parseArgs({
  options: {
    from: { type: "string" },
    model: { type: "string" },
    threads: { type: "string", default: "2" },
    prompt: { type: "string", default: "256" },
    tokens: { type: "string", default: "48" },
  },
});
const [threads, promptTokens, maxTokens] = [flags.threads, flags.prompt, flags.tokens].map(Number);
const { getLlama } = await import(
  pathToFileURL(createRequire(join(flags.from, "package.json")).resolve("node-llama-cpp")).href
);
const llama = await getLlama({ gpu: false, build: "never", maxThreads: threads });
const model = await llama.loadModel({ modelPath: flags.model });
const context = await model.createContext({ contextSize: promptTokens + maxTokens + 8, threads, batchSize: 512 });
const sequence = context.getSequence();
const prompt = Array.from({ length: promptTokens }, (_, i) => (i * 7919) % 49_152);

process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  if (line !== "step") break;
  await sequence.clearHistory();
  const started = performance.now();
  let firstAt = 0;
  let count = 0;
  for await (const _ of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
    if (count++ === 0) firstAt = performance.now();
    if (count === maxTokens) break;
  }
  const promptSeconds = (firstAt - started) / 1000;
  const decodeSeconds = (performance.now() - firstAt) / 1000 / (count - 1);
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(`${JSON.stringify({ promptSeconds, decodeSeconds, peakBytes })}\n`);
}
process.exit(0);
