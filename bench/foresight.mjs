/**
 * @file What `limbeck check` foretells beside what a run then takes: peak memory, seen from outside, and time. Prints a table in
 * Markdown; see README.md here.
 *
 *     node bench/foresight.mjs CONFIG… [--set key=value]…
 */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values: flags, positionals: configs } = parseArgs({
  allowPositionals: true,
  options: { set: { type: "string", multiple: true, default: [] } },
});
if (configs.length === 0) {
  process.stderr.write("foresight: expected one CONFIG at least; see bench/README.md\n");
  process.exit(2);
}
const main = new URL("../dist/cli/main.js", import.meta.url).pathname;
// As the first line of the program has it: docs/decisions/0012.
const env = { ...process.env, MALLOC_MMAP_THRESHOLD_: "1048576" };

/** Runs limbeck to its end. */
async function limbeck(args) {
  const sets = flags.set.flatMap((each) => ["--set", each]);
  const child = spawn(process.execPath, [main, ...args, ...sets], { stdio: ["ignore", "pipe", "inherit"], env });
  let out = "";
  child.stdout.on("data", (text) => {
    out += text;
  });
  let peakBytes = 0;
  const look = setInterval(() => {
    peakBytes = Math.max(peakBytes, highWaterMark(child.pid));
  }, 200);
  const started = performance.now();
  const code = await new Promise((resolve) => child.once("close", resolve));
  clearInterval(look);
  if (code !== 0) throw new Error(`limbeck ${args.join(" ")} ended with ${code}`);
  return { out, peakBytes, seconds: (performance.now() - started) / 1000 };
}

/** The largest resident memory so far of a process, from the kernel; 0 once it has ended. */
function highWaterMark(pid) {
  try {
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const row = (...cells) => process.stdout.write(`| ${cells.join(" | ")} |\n`);
const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(2)} GB`;
const folder = mkdtempSync(join(os.tmpdir(), "limbeck-foresight-"));
try {
  row("config", "memory foretold", "measured", "ratio", "time foretold", "measured", "ratio");
  row("---", "---:", "---:", "---:", "---:", "---:", "---:");
  for (const [index, config] of configs.entries()) {
    const output = join(folder, String(index));
    const { memory, time } = JSON.parse((await limbeck(["check", config, "--json", "--output", output])).out);
    const run = await limbeck(["run", config, "--json", "--output", output]);
    const ratios = [memory.peakBytes / run.peakBytes, time.seconds / run.seconds].map((ratio) => ratio.toFixed(2));
    row(
      config,
      gigabytes(memory.peakBytes),
      gigabytes(run.peakBytes),
      ratios[0],
      `${time.seconds.toFixed(0)} s`,
      `${run.seconds.toFixed(0)} s`,
      ratios[1],
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
