/** @file A run's folder: made once, never written over, and the same run again when it is resumed. */

import { readdir, readFile } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { LimbeckError, show } from "../errors.js";
import { isTemporaryName, writeFileAtomically } from "../weights/index.js";

/** What manifest.json says: enough to know whether a run can go on, and to make it again. */
export interface Manifest {
  readonly limbeckRun: 1;
  readonly created: string;
  readonly limbeckVersion: string;
  readonly node: string;
  readonly machine: string;
  readonly threads: number;
  readonly seed: number;
  /** SHA-256 by what it is of: models, tokenizer, training and held-out documents. */
  readonly fingerprints: Readonly<Record<string, string>>;
}

const manifestFile = "manifest.json";
const configFile = "config.yaml";

/**
 * Checks the folder before anything is read or trained; nothing is written yet, so that a run whose inputs are wrong
 * leaves no folder behind.
 *
 * @throws LimbeckError `OCCUPIED` where the folder holds another run or other files and this is no resume;
 *   `NOTHING_TO_RESUME` where there is nothing to go on from; `RESUME` where the config differs.
 */
export async function checkRunDirectory(path: string, config: object, resume: boolean): Promise<void> {
  const names = (await readdir(path).catch(() => [])).filter((name) => !isTemporaryName(name));
  if (!resume) {
    if (names.length === 0) return;
    const holds = names.includes(manifestFile) || names.includes(configFile) ? "another run" : `"${names[0]}"`;
    throw new LimbeckError("OCCUPIED", `output: "${path}" must be new or empty, got a folder that holds ${holds}.`, {
      hint: "Go on with --resume, or choose another folder with --output.",
    });
  }
  if (!names.includes(configFile)) {
    throw new LimbeckError("NOTHING_TO_RESUME", `output: "${path}" must hold a run to resume, got none.`, {
      hint: "Leave out --resume to start a new run.",
    });
  }
  const before = flatten(parse(await readFile(join(path, configFile), "utf8")));
  const now = flatten(parse(configText(config)));
  const isSame = (key: string) => JSON.stringify(before.get(key)) === JSON.stringify(now.get(key));
  const differing = [...new Set([...before.keys(), ...now.keys()])].filter((key) => key !== "output" && !isSame(key));
  if (differing.length === 0) return;
  const changes = differing.map((key) => `${key} (${show(before.get(key))} then, ${show(now.get(key))} now)`);
  throw new LimbeckError("RESUME", `output: the run in "${path}" was started with another ${changes.join(", ")}.`, {
    hint: "Resume with the run's own config, or start a new run with --output.",
    details: { keys: differing },
  });
}

/**
 * Writes config and manifest of a new run, or checks that a resumed one has the same inputs.
 *
 * @throws LimbeckError `RESUME` that names the input that differs.
 */
export async function keepManifest(path: string, config: object, manifest: Manifest): Promise<void> {
  const file = join(path, manifestFile);
  const known = await readFile(file, "utf8").then(
    (text) => JSON.parse(text) as Manifest,
    () => undefined,
  );
  if (!known) {
    await writeFileAtomically(join(path, configFile), (handle) => handle.writeFile(configText(config)));
    await writeFileAtomically(file, (handle) => handle.writeFile(`${JSON.stringify(manifest, null, 2)}\n`));
    return;
  }
  for (const [name, fingerprint] of Object.entries(manifest.fingerprints)) {
    const before = known.fingerprints[name];
    if (before === fingerprint) continue;
    throw new LimbeckError(
      "RESUME",
      `output: the run in "${path}" was started with another ${name} (${before?.slice(0, 12)}… then, ${fingerprint.slice(0, 12)}… now).`,
      { hint: "Put back what was there, or start a new run with --output." },
    );
  }
}

/** Writes the config of a new run ahead of its manifest, before work that is worth resuming; the config of a resumed one stays. */
export async function keepConfig(path: string, config: object): Promise<void> {
  const file = join(path, configFile);
  if (await readFile(file).catch(() => undefined)) return;
  await writeFileAtomically(file, (handle) => handle.writeFile(configText(config)));
}

function configText(config: object): string {
  return stringify(config, { lineWidth: 0 });
}

/** Leaves of a config by their dotted keys. */
function flatten(value: unknown, prefix = "", leaves = new Map<string, unknown>()): ReadonlyMap<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return leaves.set(prefix, value);
  for (const [key, each] of Object.entries(value)) flatten(each, prefix === "" ? key : `${prefix}.${key}`, leaves);
  return leaves;
}

/** Processor, cores, memory, system and Node version, in words. */
export function describeMachine(): string {
  const gibibytes = Math.round(os.totalmem() / 2 ** 30);
  const processor = os.cpus()[0]?.model.trim() ?? os.arch();
  return `${processor}, ${os.availableParallelism()} cores, ${gibibytes} GiB, ${os.platform()} ${os.arch()}, Node ${process.version}`;
}
