/** @file Guards that every test file runs under: nothing may write to the console, and `toBeAllClose` compares arrays. */

import { afterEach, beforeEach, expect, vi } from "vitest";

const methods = ["log", "info", "warn", "error", "debug"] as const;

beforeEach(() => {
  for (const method of methods) {
    vi.spyOn(console, method).mockImplementation((...values: unknown[]) => {
      throw new Error(`console.${method} was called in a test: ${values.map(String).join(" ").slice(0, 200)}`);
    });
  }
});

afterEach(() => {
  vi.restoreAllMocks();
});

interface Tolerance {
  readonly relative?: number;
  readonly absolute?: number;
}

expect.extend({
  toBeAllClose(received: ArrayLike<number>, expected: ArrayLike<number>, tolerance: Tolerance = {}) {
    const { relative = 1e-6, absolute = 1e-8 } = tolerance;
    if (received.length !== expected.length) {
      return { pass: false, message: () => `expected ${expected.length} values, got ${received.length}` };
    }
    let worst = -1;
    let worstExcess = 0;
    let count = 0;
    for (let i = 0; i < expected.length; i++) {
      const a = received[i]!;
      const b = expected[i]!;
      const error = Object.is(a, b) ? 0 : Math.abs(a - b);
      const excess = error - (absolute + relative * Math.abs(b));
      if (!(excess <= 0)) {
        count++;
        if (worst < 0 || !(excess <= worstExcess)) {
          worst = i;
          worstExcess = excess;
        }
      }
    }
    return {
      pass: count === 0,
      message: () =>
        `${count} of ${expected.length} values differ by more than ${absolute} + ${relative}·|expected|; ` +
        `worst at [${worst}]: expected ${expected[worst]}, got ${received[worst]}`,
    };
  },
});

declare module "vitest" {
  // biome-ignore lint/suspicious/noExplicitAny: the parameter's name and default must match vitest's own declaration
  interface Matchers<T = any> {
    toBeAllClose(expected: ArrayLike<number>, tolerance?: Tolerance): T;
  }
}
