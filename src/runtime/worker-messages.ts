/** @file What the main thread and a worker say to each other, and how an error survives the journey. */

import { LimbeckError } from "../errors.js";

export type ToWorker =
  | { readonly type: "call"; readonly id: number; readonly method: string; readonly argument: unknown }
  | { readonly type: "abort"; readonly id: number }
  | { readonly type: "close" };

export type FromWorker =
  | { readonly type: "event"; readonly id: number; readonly event: unknown }
  | { readonly type: "result"; readonly id: number; readonly result: unknown }
  | { readonly type: "error"; readonly id: number; readonly error: PackedError };

/** An error as plain data: structured cloning would drop `code`, `hint` and `details`. */
export interface PackedError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly limbeck: { readonly code: string; readonly hint: string | undefined; readonly details: unknown } | undefined;
  readonly cause: PackedError | undefined;
}

export function packError(error: unknown): PackedError {
  if (!(error instanceof Error)) {
    return { name: "Error", message: String(error), stack: undefined, limbeck: undefined, cause: undefined };
  }
  const { name, message, stack } = error;
  const limbeck =
    error instanceof LimbeckError
      ? { code: error.code, hint: error.hint, details: cloneable(error.details) }
      : name === "AbortError"
        ? { code: "INTERRUPTED", hint: undefined, details: {} }
        : undefined;
  return { name, message, stack, limbeck, cause: error.cause === undefined ? undefined : packError(error.cause) };
}

/**
 * The error again, always a {@link LimbeckError}: one of another class becomes code `WORKER`, with itself as the cause.
 *
 * @param where - names the call, for errors that do not say where they come from.
 */
export function unpackError(packed: PackedError, where: string): LimbeckError {
  const { message, stack, limbeck } = packed;
  if (!limbeck) return new LimbeckError("WORKER", `${where}: ${message}`, { cause: unpackCause(packed) });
  const { code, hint } = limbeck;
  const details = limbeck.details as Readonly<Record<string, unknown>>;
  const cause = packed.cause && unpackCause(packed.cause);
  const error = new LimbeckError(code, message, { details, cause, ...(hint === undefined ? {} : { hint }) });
  if (stack !== undefined) error.stack = stack;
  return error;
}

function unpackCause(packed: PackedError): Error {
  if (packed.limbeck) return unpackError(packed, "");
  const { name, message, stack, cause } = packed;
  const error = new Error(message, cause ? { cause: unpackCause(cause) } : undefined);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** `details` may hold anything: what cannot be cloned must not hide the error that carries it. */
function cloneable(details: unknown): unknown {
  try {
    return structuredClone(details);
  } catch {
    return {};
  }
}
