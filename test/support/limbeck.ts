/** @file The built program, run as a user runs it: in a process of its own, in a folder of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";

/** The repository's root. */
export const repository = fileURLToPath(new URL("../../", import.meta.url));
/** Models and rows made by PyTorch; ends in a slash. */
export const golden = fileURLToPath(new URL("../golden/", import.meta.url));

const main = join(repository, "dist/cli/main.js");

/** How a process ended, and all it wrote. */
export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when standard output holds `text` this many times, or the process has ended. */
  printed(text: string, times?: number): Promise<void>;
}

export interface StartOptions {
  readonly cwd: string;
  /** A program and its first arguments that start node; none unless given. */
  readonly through?: readonly string[];
  /** Start a process group, which a terminal's Ctrl-C reaches whole: `process.kill(-pid, "SIGINT")`. */
  readonly asGroup?: boolean;
  /** What standard input holds; nothing unless given. */
  readonly input?: string;
}

/** Starts `limbeck` with these words. */
export function startLimbeck(
  words: readonly string[],
  { cwd, through = [], asGroup = false, input }: StartOptions,
): Started {
  if (!existsSync(main)) throw new Error(`expected the built program at ${main}: run "npm run build" first.`);
  const [program, ...rest] = [...through, process.execPath, main, ...words] as [string, ...string[]];
  const stdin = input === undefined ? "ignore" : "pipe";
  const child = spawn(program, rest, { cwd, stdio: [stdin, "pipe", "pipe"], detached: asGroup });
  child.stdin?.end(input);
  const output = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name]!.setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
      for (const listener of listeners) listener();
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, ...output }));
  });
  return {
    process: child,
    ended,
    async printed(text, times = 1) {
      const reached = new Promise<void>((resolve) => {
        const look = () => {
          if (output.stdout.split(text).length > times) resolve();
        };
        listeners.add(look);
        look();
      });
      await Promise.race([reached, ended]);
    },
  };
}

/** Runs `limbeck` to its end. */
export async function limbeck(words: readonly string[], options: StartOptions): Promise<Ended> {
  return startLimbeck(words, options).ended;
}

/** A new folder under the system's temporary one, with a way to remove it. */
export async function makeWorkFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await realpath(await mkdtemp(join(tmpdir(), "limbeck-test-")));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** A config's sections, each merged into the defaults of {@link configText} key by key. */
export interface ConfigChanges {
  readonly [section: string]: unknown;
}

/**
 * A config in YAML that distils the golden teacher into a golden student on golden rows, in order and at a constant rate, with
 * the given sections changed. A key that is undefined is left out.
 */
export function configText(changes: ConfigChanges = {}): string {
  const base: Record<string, unknown> = {
    recipe: "soft-labels",
    teacher: { model: `${golden}training/teacher` },
    student: { model: `${golden}training/student-llama` },
    data: { train: `${golden}training/rows.jsonl`, heldOutFraction: 0, sequenceLength: 32, shuffle: false },
    objective: { soft: { weight: 0.8, temperature: 2 }, hard: { weight: 0.2 } },
    training: { epochs: 2, tokensPerStep: 128, learningRate: 1e-3, schedule: "constant", weightDecay: 0, clipNorm: 1 },
    threads: 1,
    output: "run",
  };
  for (const [section, change] of Object.entries(changes)) {
    const isSection = typeof change === "object" && typeof base[section] === "object";
    base[section] = isSection ? { ...(base[section] as object), ...change } : change;
  }
  return stringify(base);
}
