/** @file What a check finds, gathered so that one problem does not hide the next. */

import { InterruptedError, LimbeckError } from "../errors.js";
import type { StartRow } from "../recipes/compare-starts.js";

/** Something known of a run: in words, and for machines. */
export type Finding = readonly [name: string, value: string, machine: Readonly<Record<string, unknown>>];

/** What was found, for people and for machines. */
export interface RunCheck {
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  /** What would end the run; nothing where it can start. */
  readonly problems: readonly LimbeckError[];
  readonly data: Readonly<Record<string, unknown>>;
  /** Where a student that comes from its teacher could start; empty for others, and where no row is held out. */
  readonly starts: readonly StartRow[];
}

/** A check that is still being made. */
export interface OpenCheck {
  readonly problems: readonly LimbeckError[];
  add(...findings: readonly Finding[]): void;
  warn(...warnings: RunCheck["warnings"]): void;
  /** What the work gives; undefined where it fails with an error of ours, which becomes one of the problems. */
  attempt<Result>(work: () => Result | Promise<Result>): Promise<Result | undefined>;
  close(starts?: readonly StartRow[]): RunCheck;
}

export function openCheck(signal: AbortSignal | undefined): OpenCheck {
  const findings: Finding[] = [];
  const warnings: RunCheck["warnings"][number][] = [];
  const problems: LimbeckError[] = [];
  return {
    problems,
    add: (...found) => void findings.push(...found),
    warn: (...found) => void warnings.push(...found),
    async attempt(work) {
      if (signal?.aborted) throw new InterruptedError("check: stopped.");
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof LimbeckError) || error.code === "INTERRUPTED") throw error;
        problems.push(error);
        return undefined;
      }
    },
    close: (starts = []) => ({
      facts: findings.map(([name, value]) => [name, value]),
      data: Object.fromEntries(findings.map(([name, _, machine]) => [name, machine])),
      warnings,
      problems,
      starts,
    }),
  };
}
