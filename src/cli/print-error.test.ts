import { describe, expect, it } from "vitest";
import { recorder } from "../../test/support/recorder.js";
import { ConfigError, DataError, InterruptedError, LimbeckError } from "../errors.js";
import { printError, UsageError } from "./print-error.js";

function print(error: unknown, isVerbose = false): { text: string; exitCode: number } {
  const output = recorder();
  const exitCode = printError(error, output, { isVerbose, help: "limbeck run --help" });
  return { text: output.text(), exitCode };
}

describe("printError", () => {
  it("prints code, message and hint, and ends with 1", () => {
    const error = new DataError('data: a.jsonl:3: expected JSON, got "x".', { hint: "Correct or remove this line." });
    expect(print(error)).toEqual({
      text: 'error[DATA]: data: a.jsonl:3: expected JSON, got "x".\n  hint: Correct or remove this line.\n',
      exitCode: 1,
    });
  });

  it("ends with 2 for a wrong config or command line, and with 130 when interrupted", () => {
    expect(print(new ConfigError("config: x", [])).exitCode).toBe(2);
    expect(print(new UsageError("score: x")).exitCode).toBe(2);
    expect(print(new InterruptedError("training: stopped")).exitCode).toBe(130);
  });

  it("says where the help is when a wrong command line has no hint of its own", () => {
    expect(print(new UsageError("score: x")).text).toContain('hint: See "limbeck run --help".');
  });

  it("goes by the code, not the class", () => {
    const foreign = Object.assign(new Error("from another copy"), { code: "CONFIG", hint: undefined });
    expect(print(foreign)).toEqual({ text: "error[CONFIG]: from another copy\n", exitCode: 2 });
  });

  it("shows the stack and the causes only when asked", () => {
    const error = new LimbeckError("ENGINE", "engine: no", { cause: new Error("deep down") });
    expect(print(error).text).not.toContain("deep down");
    expect(print(error, true).text).toMatch(/at .*print-error\.test[\s\S]*caused by Error: deep down/);
  });

  it("asks for a report of an error that nobody expected", () => {
    expect(print(new TypeError("x is not a function")).text).toBe(
      "error[INTERNAL]: x is not a function\n  hint: Run the command again with --verbose and report what it prints.\n",
    );
  });
});
