/** @file What a capture of a teacher's signals holds: every block checked, bytes per token, and how its distributions are. */

import { formatBytes, formatPercent } from "../report/format.js";
import {
  type CaptureFolder,
  codecOf,
  openShards,
  presentBlocks,
  readCapture,
  summarize,
} from "../signals/cache/index.js";
import { absentLogProb, type SparseSignal } from "../signals/teacher-signal.js";
import type { Inspection } from "./inspection.js";

/** Upper ends of the bins, but for the last, which has none. */
const tailEnds = [0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5];
const entropyEnds = [0.1, 0.5, 1, 2, 3, 4, 6];

/**
 * Reads a whole capture.
 *
 * @throws LimbeckError `CACHE` that names the file and the block in which a byte is not as it was written.
 */
export async function inspectCapture(path: string): Promise<Inspection> {
  const capture = (await readCapture(path))!;
  const { teacher, data, stored, blocks, createdBy } = capture.description;
  const there = (await presentBlocks(capture)).size;
  const { rows, bytes, planes, tails, entropies } = await measure(capture);
  const perRow = (count: number) => (rows === 0 ? 0 : count / rows);
  const kept = Object.entries(stored).map(
    ([key, value]) => `${key} ${Array.isArray(value) ? value.join(", ") : value}`,
  );
  const whole = there === blocks ? `all ${blocks}` : `${there} of ${blocks}`;
  const count = (value: number) => value.toLocaleString("en-US");
  const histograms = [
    ["mass of the tail", tails, tailEnds],
    ["entropy in nats, the tail as one outcome", entropies, entropyEnds],
  ] as const;
  return {
    kind: "capture",
    facts: [
      ["teacher", `${teacher.name}, ${teacher.precision}, fingerprint ${teacher.fingerprint.slice(0, 12)}…`],
      ["stored", `${summarize(stored)}: ${kept.join(", ")}`],
      ["documents", `${count(data.documents)} with ${count(data.rows)} response tokens`],
      ["blocks", `${whole}, every checksum right`],
      ["size", `${formatBytes(bytes)}, ${perRow(bytes).toFixed(1)} bytes per token`],
      ...planes.map(([name, size]) => [`  ${name}`, `${perRow(size).toFixed(1)} bytes per token`] as const),
      ["made by", createdBy],
    ],
    ...(tails.length > 0 && {
      more: histograms.map(([name, values, ends]) => histogramText(name, values, ends)).join("\n"),
    }),
    data: {
      ...capture.description,
      presentBlocks: there,
      rowsThere: rows,
      bytes,
      bytesPerToken: perRow(bytes),
      planes: Object.fromEntries(planes.map(([name, size]) => [name, perRow(size)])),
      tailMass: tails.length === 0 ? null : { ends: tailEnds, counts: countBins(tails, tailEnds) },
      entropy: tails.length === 0 ? null : { ends: entropyEnds, counts: countBins(entropies, entropyEnds) },
    },
  };
}

async function measure(capture: CaptureFolder) {
  const codec = codecOf(capture.description.stored);
  const sizes = new Map<string, number>();
  const [tails, entropies]: [number[], number[]] = [[], []];
  let [rows, bytes] = [0, 0];
  const shards = await openShards(capture);
  try {
    for (const shard of shards) {
      await shard.check();
      rows += shard.rows;
      bytes += shard.bytesOnDisk;
      for (const { name } of codec.planes) sizes.set(name, (sizes.get(name) ?? 0) + shard.bytesOf(name));
      if (codec.form.kind !== "sparse" || codec.form.tail === "sampled") continue;
      for (const place of shard.documents) {
        const signal = codec.decode(await shard.read(place), place.rows) as SparseSignal;
        for (let row = 0; row < signal.rows; row++) {
          const { tail, entropy } = shapeOf(signal, row);
          tails.push(tail);
          entropies.push(entropy);
        }
      }
    }
  } finally {
    await Promise.all(shards.map((shard) => shard.close()));
  }
  return { rows, bytes, planes: [...sizes], tails, entropies };
}

function shapeOf({ k, logProbs }: SparseSignal, row: number): { readonly tail: number; readonly entropy: number } {
  let [mass, entropy] = [0, 0];
  for (let i = row * k; i < (row + 1) * k; i++) {
    const logProb = logProbs[i]!;
    if (logProb < absentLogProb / 10) continue;
    mass += Math.exp(logProb);
    entropy -= Math.exp(logProb) * logProb;
  }
  const tail = Math.max(0, 1 - mass);
  return { tail, entropy: entropy - (tail > 0 ? tail * Math.log(tail) : 0) };
}

function countBins(values: readonly number[], ends: readonly number[]): number[] {
  const counts = new Array<number>(ends.length + 1).fill(0);
  for (const value of values) {
    const bin = ends.findIndex((end) => value < end);
    counts[bin < 0 ? ends.length : bin]!++;
  }
  return counts;
}

/** `  below 0.01  ██████  31 %` per bin. */
function histogramText(name: string, values: readonly number[], ends: readonly number[]): string {
  const counts = countBins(values, ends);
  const most = Math.max(...counts);
  const lines = counts.map((count, i) => {
    const label = i < ends.length ? `below ${ends[i]}` : `from ${ends.at(-1)}`;
    const bar = "█".repeat(Math.round((24 * count) / most));
    return `  ${label.padEnd(12)}${formatPercent(count / values.length).padStart(8)}  ${bar}`.trimEnd();
  });
  return `${name}\n${lines.join("\n")}\n`;
}
