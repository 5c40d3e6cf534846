/**
 * @file Runs a module in a worker thread, because a running program blocks its thread, and talks to it by messages.
 *
 * Nothing is ever ended from outside: `Worker.terminate()` during a program aborts the process.
 */

import { Worker } from "node:worker_threads";
import { InterruptedError, LimbeckError } from "../errors.js";
import { type FromWorker, type ToWorker, unpackError } from "./worker-messages.js";

export interface WorkerOptions {
  /** Receives what handlers emit, in order, before the result of their call. */
  readonly onEvent?: (event: unknown) => void;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Receives what this call's handler emits, instead of the worker's `onEvent`. */
  readonly onEvent?: (event: unknown) => void;
}

export interface WorkerHost {
  /**
   * Runs one of the module's handlers.
   *
   * @param argument - cloned; so is the result.
   * @throws LimbeckError what the handler threw, with its code, hint, details and cause; `WORKER` where it threw
   *   something else or the worker ended; `INTERRUPTED` where the signal was aborted before the call.
   */
  call<Result>(method: string, argument?: unknown, options?: CallOptions): Promise<Result>;
  /** Aborts the calls in flight, waits for their handlers to return, and ends the worker. */
  close(): Promise<void>;
}

interface PendingCall {
  readonly method: string;
  readonly onEvent: ((event: unknown) => void) | undefined;
  resolve(result: unknown): void;
  reject(error: LimbeckError): void;
}

/**
 * Starts a worker on a module that ends in `serveWorker(handlers)`.
 *
 * The worker keeps the process alive only while a call is in flight.
 */
export function startWorker(moduleUrl: URL, options: WorkerOptions = {}): WorkerHost {
  // A worker inherits Node's flags and refuses this one, which `node --input-type=module -e …` sets.
  const execArgv = process.execArgv.filter((flag) => !flag.startsWith("--input-type"));
  const worker = new Worker(moduleUrl, { execArgv });
  const pending = new Map<number, PendingCall>();
  const name = moduleUrl.pathname.slice(moduleUrl.pathname.lastIndexOf("/") + 1);
  let callCount = 0;
  let ending: LimbeckError | undefined;
  const send = (message: ToWorker) => worker.postMessage(message);
  worker.unref();

  const take = (id: number): PendingCall => {
    const call = pending.get(id)!;
    pending.delete(id);
    if (pending.size === 0 && !ending) worker.unref();
    return call;
  };
  worker.on("message", (message: FromWorker) => {
    if (message.type === "event") {
      pending.get(message.id)?.onEvent?.(message.event);
    } else if (message.type === "result") {
      take(message.id).resolve(message.result);
    } else {
      const call = take(message.id);
      call.reject(unpackError(message.error, `worker "${name}": "${call.method}" failed`));
    }
  });
  worker.on("error", (cause) => {
    const message = cause instanceof Error ? cause.message : String(cause);
    ending = new LimbeckError("WORKER", `worker "${name}": it ended with an uncaught error: ${message}`, { cause });
  });
  const ended = new Promise<void>((resolve) => {
    worker.once("exit", (code) => {
      ending ??= new LimbeckError("WORKER", `worker "${name}": it ended unexpectedly, with exit code ${code}.`);
      for (const { reject } of pending.values()) reject(ending);
      pending.clear();
      resolve();
    });
  });

  return {
    call<Result>(method: string, argument?: unknown, { signal, onEvent = options.onEvent }: CallOptions = {}) {
      return new Promise<Result>((resolve, reject) => {
        if (ending) throw ending;
        if (signal?.aborted) throw new InterruptedError(`worker "${name}": "${method}" was aborted before it started.`);
        const id = callCount++;
        send({ type: "call", id, method, argument });
        const abort = () => send({ type: "abort", id });
        const settle = () => signal?.removeEventListener("abort", abort);
        signal?.addEventListener("abort", abort, { once: true });
        pending.set(id, {
          method,
          onEvent,
          resolve: (result) => {
            settle();
            resolve(result as Result);
          },
          reject: (error) => {
            settle();
            reject(error);
          },
        });
        worker.ref();
      });
    },
    async close() {
      if (!ending) {
        ending = new LimbeckError("WORKER", `worker "${name}": it was closed.`);
        worker.ref();
        send({ type: "close" });
      }
      await ended;
    },
  };
}
