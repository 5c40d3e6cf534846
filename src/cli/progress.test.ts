import { describe, expect, it } from "vitest";
import { recorder } from "../../test/support/recorder.js";
import type { RunEvent } from "../recipes/run-recipe.js";
import { showProgress } from "./progress.js";

function step(number: number, run: "student" | "twin" = "student"): RunEvent {
  return {
    type: "step",
    run,
    step: number,
    steps: 400,
    loss: 3.25,
    terms: { soft: 3.25 },
    gradientNorm: 1,
    learningRate: 3e-4,
    tokens: 8192,
    tokensPerSecond: 12_345,
  };
}

const evaluation: RunEvent = {
  type: "evaluation",
  run: "student",
  step: 100,
  evaluation: { klTeacherStudent: 0.812, perplexity: 161.2, loss: 5.1, isBest: true },
};

/** Shows events half a second apart. */
function shown(events: readonly RunEvent[], options: { isTerminal: boolean }): string {
  const output = recorder(options);
  let milliseconds = 0;
  const progress = showProgress(output, () => milliseconds);
  for (const event of events) {
    milliseconds += 500;
    progress.show(event);
  }
  progress.end();
  return output.text();
}

describe("showProgress", () => {
  it("rewrites one line within 80 columns on a terminal, with rate, loss, KL and time left", () => {
    const text = shown([step(99), step(100), evaluation, step(101)], { isTerminal: true });
    const lines = text.split(/\r|\n/).map((line) => line.replace("\x1b[2K", ""));
    expect(lines.at(-2)).toBe("student  ━━────────  101/400  3 min 44 s left  loss 3.25  KL 0.812  12.3k tok/s");
    expect(lines).toContain("  student, step 100: held-out KL 0.812, perplexity 161.2, best so far");
    for (const line of lines) expect(line.length).toBeLessThan(80);
  });

  it("shows a download in bytes, with rate and time left", () => {
    const events = [2e6, 12e6, 98e6].map(
      (done): RunEvent => ({ type: "progress", task: "downloading owner/name", done, total: 98e6, unit: "bytes" }),
    );
    const lines = shown(events, { isTerminal: true })
      .split(/\r|\n/)
      .map((line) => line.replace("\x1b[2K", ""));
    expect(lines).toContainEqual(
      expect.stringMatching(/^downloading owner\/name {2}━─+ {2}12\.0 MB of 98\.0 MB {2}4\.3 s left {2}20\.0 MB\/s$/),
    );
    for (const line of lines) expect(line.length).toBeLessThan(80);
    expect(shown(events, { isTerminal: false })).toContain(
      "downloading owner/name: 12.0 MB of 98.0 MB (12 %), 4.3 s left, 20.0 MB/s\n",
    );
  });

  it("writes a line for every tenth of the way elsewhere", () => {
    const text = shown(
      Array.from({ length: 400 }, (_, i) => step(i + 1)),
      { isTerminal: false },
    );
    const lines = text.trimEnd().split("\n");
    expect(lines[0]).toBe("student: 1 of 400 steps (0 %), loss 3.25, 12.3k tok/s");
    expect(lines[1]).toBe("student: 40 of 400 steps (10 %), 3 min 00 s left, loss 3.25, 12.3k tok/s");
    expect(lines.at(-1)).toBe("student: 400 of 400 steps (100 %), loss 3.25, 12.3k tok/s");
    expect(lines.length).toBeLessThan(13);
    expect(text).not.toContain("\x1b");
  });

  it("starts anew for the twin, without the student's KL", () => {
    const text = shown([step(400), { type: "phase", phase: "twin", message: "training the twin" }, step(1, "twin")], {
      isTerminal: false,
    });
    expect(text).toContain("training the twin\ntwin: 1 of 400 steps (0 %), loss 3.25, 12.3k tok/s\n");
  });

  it("shows warnings with their codes", () => {
    expect(shown([{ type: "warning", code: "long-rows", message: "3 rows are long." }], { isTerminal: false })).toBe(
      "warning[long-rows]: 3 rows are long.\n",
    );
  });
});
