/** @file The worker's side of the worker host: answers calls with the handlers of a module. */

import { parentPort } from "node:worker_threads";
import { LimbeckError } from "../errors.js";
import { type FromWorker, packError, type ToWorker } from "./worker-messages.js";

export interface WorkerCall {
  /** Sends an event to the main thread, at once. The event is cloned. */
  readonly emit: (event: unknown) => void;
  /** Aborted by the caller's signal and when the host closes. It changes while the handler awaits, between two programs. */
  readonly signal: AbortSignal;
}

export type WorkerHandler = (argument: unknown, call: WorkerCall) => Promise<unknown>;

/**
 * Answers the calls of the host that started this worker, until it closes. Call it once, at the end of the module.
 *
 * @throws LimbeckError `WORKER` when this is not a worker thread.
 */
export function serveWorker(handlers: Readonly<Record<string, WorkerHandler>>): void {
  const port = parentPort;
  if (!port) throw new LimbeckError("WORKER", "serveWorker: expected a worker thread, got the main thread.");
  const send = (message: FromWorker) => port.postMessage(message);
  const running = new Map<number, { readonly controller: AbortController; readonly done: Promise<void> }>();

  async function answer(id: number, method: string, argument: unknown, signal: AbortSignal): Promise<void> {
    try {
      const handler = Object.hasOwn(handlers, method) ? handlers[method] : undefined;
      if (!handler) {
        const names = Object.keys(handlers).join(", ");
        throw new LimbeckError("WORKER", `worker: the method must be one of ${names}, got "${method}".`);
      }
      const result = await handler(argument, { emit: (event) => send({ type: "event", id, event }), signal });
      send({ type: "result", id, result });
    } catch (error) {
      send({ type: "error", id, error: packError(error) });
    } finally {
      running.delete(id);
    }
  }

  async function close(): Promise<void> {
    for (const { controller } of running.values()) controller.abort();
    await Promise.all([...running.values()].map(({ done }) => done));
    // The worker ends itself, here, where no program can be running: ended from outside during one, the process aborts.
    process.exit(0);
  }

  port.on("message", (message: ToWorker) => {
    if (message.type === "close") {
      void close();
    } else if (message.type === "abort") {
      running.get(message.id)?.controller.abort();
    } else {
      const { id, method, argument } = message;
      const controller = new AbortController();
      running.set(id, { controller, done: answer(id, method, argument, controller.signal) });
    }
  });
}
