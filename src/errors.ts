/** @file The one error type that limbeck throws on purpose, and the few subclasses that a caller would catch. */

/** What an error carries besides its message. */
export interface ErrorOptions {
  /** One imperative sentence: the way out. */
  readonly hint?: string;
  /** Structured facts for machines, small and without secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** The error that led to this one. */
  readonly cause?: unknown;
}

/**
 * An error with a stable `code`. The message reads "where: what was expected, got what"; `hint` is the way out.
 *
 * Match on `code`, not on the class: that also works when two copies of the package are installed.
 */
export class LimbeckError extends Error {
  override readonly name: string = "LimbeckError";
  readonly code: string;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }
}

/** Shapes, dtypes or graphs that do not fit together. */
export class ShapeError extends LimbeckError {
  override readonly name = "ShapeError";
  constructor(message: string, options?: ErrorOptions) {
    super("SHAPE", message, options);
  }
}

/** One thing wrong with a config: where it stands and what is wrong with it. */
export interface ConfigProblem {
  readonly path: string;
  readonly line?: number;
  readonly message: string;
}

/** A config that cannot be run; `details.problems` lists every {@link ConfigProblem} at once. */
export class ConfigError extends LimbeckError {
  override readonly name = "ConfigError";
  readonly problems: readonly ConfigProblem[];
  constructor(message: string, problems: readonly ConfigProblem[], options: ErrorOptions = {}) {
    super("CONFIG", message, { ...options, details: { ...options.details, problems } });
    this.problems = problems;
  }
}

/** Data rows, files or tokenizers that cannot be used. */
export class DataError extends LimbeckError {
  override readonly name = "DataError";
  constructor(message: string, options?: ErrorOptions) {
    super("DATA", message, options);
  }
}

/** Model files (config.json, safetensors, tokenizer.json) that are missing, damaged or contradict each other. */
export class ModelError extends LimbeckError {
  override readonly name = "ModelError";
  constructor(message: string, options?: ErrorOptions) {
    super("MODEL", message, options);
  }
}

/** An operation that limbeck, a rule or the engine does not have. */
export class UnsupportedError extends LimbeckError {
  override readonly name = "UnsupportedError";
  constructor(message: string, options?: ErrorOptions) {
    super("UNSUPPORTED", message, options);
  }
}

/** A loss, gradient or weight that became NaN or infinite. */
export class NonFiniteError extends LimbeckError {
  override readonly name = "NonFiniteError";
  constructor(message: string, options?: ErrorOptions) {
    super("NON_FINITE", message, options);
  }
}

/** Work that was stopped by its `AbortSignal`. */
export class InterruptedError extends LimbeckError {
  override readonly name = "InterruptedError";
  constructor(message: string, options?: ErrorOptions) {
    super("INTERRUPTED", message, options);
  }
}

/** A broken invariant of limbeck itself. */
export function internalError(message: string, details?: Readonly<Record<string, unknown>>): LimbeckError {
  return new LimbeckError("INTERNAL", `internal: ${message}. Please report this.`, details ? { details } : {});
}

/** A user's value for a message: quoted when a string, at most 80 characters. */
export function show(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
