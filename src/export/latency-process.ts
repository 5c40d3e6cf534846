/** @file The process that `measureLatency` starts: reads a prompt of random tokens some times, writes on after it, reports. */

import { createRandom } from "../data/random.js";
import { median } from "../evaluate/statistics.js";
import { makeDecoder } from "../generation/decoder.js";
import { loadModelFolder } from "../weights/load-model.js";
import { openExportedModel } from "./exported-model.js";
import type { Latency, LatencyRequest } from "./measure-latency.js";

/** A model that reads on. */
interface Reader {
  readonly headWidth: number;
  readonly maxTokens: number;
  start(): void;
  read(ids: readonly number[]): Promise<unknown>;
}

const request = JSON.parse(process.argv[2]!) as LatencyRequest;

async function openReader({ model, threads }: LatencyRequest): Promise<Reader> {
  if (model.endsWith(".onnx")) return openExportedModel(model, { threads });
  const decoder = await makeDecoder(await loadModelFolder(model), { threads });
  let cache = decoder.makeCache(1);
  return {
    ...decoder,
    start() {
      cache = decoder.makeCache(1);
    },
    read: (ids) => decoder.read(cache, [ids]),
  };
}

const reader = await openReader(request);
const random = createRandom(0);
const promptTokens = Math.min(128, Math.floor(reader.maxTokens / 2));
const writtenTokens = Math.min(32, reader.maxTokens - promptTokens);
const prompt = Array.from({ length: promptTokens }, () => random.nextBelow(reader.headWidth));
const [promptMs, decodeMs]: [number[], number[]] = [[], []];
const timed = async (work: () => Promise<unknown>, into: number[]): Promise<void> => {
  const before = performance.now();
  await work();
  into.push(performance.now() - before);
};
await reader.read(prompt);
const started = performance.now();
while (promptMs.length < 3 || (performance.now() - started < 2000 && promptMs.length < 20)) {
  reader.start();
  await timed(() => reader.read(prompt), promptMs);
  for (let i = 0; i < writtenTokens; i++) await timed(() => reader.read([prompt[i]!]), decodeMs);
}
const latency: Latency = {
  promptMsPerToken: median(promptMs) / promptTokens,
  decodeMsPerToken: median(decodeMs),
  promptTokens,
  peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
};
process.send?.(latency);
