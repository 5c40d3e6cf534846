/** @file A run's folder: made once, never written over, and the same run again when it is resumed. */

import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import os from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { LimbeckError } from "../errors.js";
import { isTemporaryName } from "../weights/index.js";

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
 * Opens the folder before anything is read or trained.
 *
 * @throws LimbeckError `OCCUPIED` where the folder holds another run or other files and this is no resume;
 *   `NOTHING_TO_RESUME` where there is nothing to go on from; `RESUME` where the config differs.
 */
export async function openRunDirectory(path: string, config: object, resume: boolean): Promise<void> {
  const names = (await readdir(path).catch(() => [])).filter((name) => !isTemporaryName(name));
  const text = stringify(config, { lineWidth: 0 });
  if (!resume) {
    if (names.length > 0) {
      const holds = names.includes(manifestFile) || names.includes(configFile) ? "another run" : `"${names[0]}"`;
      throw new LimbeckError("OCCUPIED", `output: "${path}" must be new or empty, got a folder that holds ${holds}.`, {
        hint: "Go on with --resume, or choose another folder with --output.",
      });
    }
    await mkdir(path, { recursive: true });
    await writeFile(join(path, configFile), text);
    return;
  }
  if (!names.includes(configFile)) {
    throw new LimbeckError("NOTHING_TO_RESUME", `output: "${path}" must hold a run to resume, got none.`, {
      hint: "Leave out --resume to start a new run.",
    });
  }
  const before = (await readFile(join(path, configFile), "utf8")).split("\n");
  const now = text.split("\n");
  const at = now.findIndex((line, i) => line !== before[i] && !line.startsWith("output:"));
  if (at >= 0 || before.length !== now.length) {
    const line = at >= 0 ? at : Math.min(before.length, now.length) - 1;
    throw new LimbeckError(
      "RESUME",
      `output: the run in "${path}" was started with "${before[line]?.trim()}", got "${now[line]?.trim()}".`,
      { hint: "Resume with the run's own config, or start a new run with --output." },
    );
  }
}

/** Writes the manifest of a new run, or checks that a resumed one has the same inputs. */
export async function keepManifest(path: string, manifest: Manifest): Promise<void> {
  const file = join(path, manifestFile);
  const known = await readFile(file, "utf8").then(
    (text) => JSON.parse(text) as Manifest,
    () => undefined,
  );
  if (!known) {
    await writeFile(file, `${JSON.stringify(manifest, null, 2)}\n`);
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

/** Processor, cores, memory, system and Node version, in words. */
export function describeMachine(): string {
  const gibibytes = Math.round(os.totalmem() / 2 ** 30);
  const processor = os.cpus()[0]?.model.trim() ?? os.arch();
  return `${processor}, ${os.availableParallelism()} cores, ${gibibytes} GiB, ${os.platform()} ${os.arch()}, Node ${process.version}`;
}
