import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { LimbeckError } from "../errors.js";
import { startWorker, type WorkerHost } from "./worker-host.js";

const fixture = new URL("./fixtures/worker.mjs", import.meta.url);

/** For the tests that leave the worker as they found it. */
const shared: { host: WorkerHost; onEvent: (event: unknown) => void } = {
  host: startWorker(fixture, { onEvent: (event) => shared.onEvent(event) }),
  onEvent: () => {},
};
afterAll(() => shared.host.close());

/** The error that a promise ends with. */
async function errorOf(promise: Promise<unknown>): Promise<LimbeckError> {
  const error = await promise.then(
    (result) => expect.fail(`expected an error, got ${String(result)}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LimbeckError);
  return error as LimbeckError;
}

/** What a new process prints that runs `code` with a worker `host`. */
async function runProcess(code: string): Promise<string> {
  const built = new URL("../../dist/runtime/index.js", import.meta.url);
  const script = `
    import { startWorker } from ${JSON.stringify(built.href)};
    const host = startWorker(new URL(${JSON.stringify(fixture.href)}));
    ${code}`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  return stdout.trim();
}

describe("startWorker", () => {
  it("answers each call with its own result, whichever is ready first", async () => {
    const { host } = shared;
    const slow = host.call<string>("wait", 50);
    expect(await host.call("double", 21)).toBe(42);
    expect(await slow).toBe("waited");
  });

  it("delivers events in order, before the result of their call", async () => {
    const seen: unknown[] = [];
    shared.onEvent = (event) => seen.push(event);
    seen.push(await shared.host.call("count", 3));
    expect(seen).toEqual([{ number: 1 }, { number: 2 }, { number: 3 }, 3]);
  });

  it("delivers a call's own events to it alone", async () => {
    const [one, other, shared_]: unknown[][] = [[], [], []];
    shared.onEvent = (event) => shared_!.push(event);
    await Promise.all([
      shared.host.call("count", 2, { onEvent: (event) => one!.push(event) }),
      shared.host.call("count", 1, { onEvent: (event) => other!.push(event) }),
    ]);
    expect([one, other, shared_]).toEqual([[{ number: 1 }, { number: 2 }], [{ number: 1 }], []]);
  });

  it("carries code, message, hint, details and the cause of an error across", async () => {
    const error = await errorOf(shared.host.call("fail", "config"));
    expect(error).toMatchObject({ code: "CONFIG", message: "config: 1 problem.", hint: "Set it." });
    expect(error.details).toEqual({ problems: [{ path: "training.steps", message: "expected a number" }] });
    expect(error.cause).toMatchObject({ name: "RangeError", message: "the reason" });
    expect(error.stack).toContain("worker.mjs");
  });

  it("turns an error of another class into one that names worker and method", async () => {
    const error = await errorOf(shared.host.call("fail", "type"));
    expect(error.code).toBe("WORKER");
    expect(error.message).toBe('worker "worker.mjs": "fail" failed: of another class');
    expect(error.cause).toMatchObject({ name: "TypeError", cause: { name: "RangeError" } });
  });

  it("refuses an unknown method and a result that cannot be cloned", async () => {
    const { host } = shared;
    expect((await errorOf(host.call("nothing"))).message).toMatch(/the method must be one of double, .* got "nothing"/);
    expect((await errorOf(host.call("unclonable"))).message).toMatch(/could not be cloned/);
    expect(await host.call("double", 1)).toBe(2);
  });

  it("stops a handler between two programs when its signal aborts", async () => {
    const controller = new AbortController();
    shared.onEvent = () => controller.abort();
    expect(await shared.host.call("runUntilAborted", 1000, { signal: controller.signal })).toBeGreaterThan(0);
  });

  it("reports a wait that was aborted, and a call aborted before it began, as INTERRUPTED", async () => {
    const controller = new AbortController();
    const { host } = shared;
    const waiting = errorOf(host.call("untilAborted", undefined, { signal: controller.signal }));
    controller.abort();
    expect((await waiting).code).toBe("INTERRUPTED");
    expect((await errorOf(host.call("double", 1, { signal: controller.signal }))).code).toBe("INTERRUPTED");
  });

  it("closes in the middle of programs: the handler is told, ends, and its result arrives", async () => {
    let started: () => void = () => {};
    const running = new Promise<void>((resolve) => {
      started = resolve;
    });
    const host = startWorker(fixture, { onEvent: () => started() });
    const runs = host.call<number>("runUntilAborted", 2_000_000);
    await running;
    await host.close();
    expect(await runs).toBeGreaterThan(0);
    expect((await errorOf(host.call("double", 1))).message).toBe('worker "worker.mjs": it was closed.');
  });

  it("rejects every pending call when the worker ends", async () => {
    const host = startWorker(fixture);
    const calls = [errorOf(host.call("wait", 60_000)), errorOf(host.call("exit"))];
    for (const error of await Promise.all(calls)) {
      expect(error.message).toBe('worker "worker.mjs": it ended unexpectedly, with exit code 3.');
    }
    expect((await errorOf(host.call("double", 1))).code).toBe("WORKER");
  });

  it("rejects every pending call when the worker crashes or cannot load", async () => {
    const crash = await errorOf(startWorker(fixture).call("crash"));
    expect(crash.message).toBe('worker "worker.mjs": it ended with an uncaught error: out of reach');
    const missing = await errorOf(startWorker(new URL("./fixtures/missing.mjs", import.meta.url)).call("double", 1));
    expect(missing.message).toMatch(/worker "missing.mjs": it ended with an uncaught error: Cannot find module/);
  });

  it("keeps the process alive while a call is in flight, and not when idle", async () => {
    expect(await runProcess(`host.call("wait", 20).then((result) => process.stdout.write(result));`)).toBe("waited");
    expect(await runProcess(`await host.close(); process.stdout.write("closed");`)).toBe("closed");
  });
});
