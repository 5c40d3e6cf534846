/** @file HTTP requests that go on after what passes by itself: a busy server, a lost connection, silence. */

import { setTimeout as sleep } from "node:timers/promises";
import { packageVersion } from "../../version.js";

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** How long nothing may arrive, before the headers or between two pieces of the body. */
  readonly timeoutMs: number;
}

/** A request that was refused, or not answered. */
export class RequestFailure extends Error {
  override readonly name = "RequestFailure";
  readonly url: string;
  /** Undefined where there was no answer. */
  readonly status: number | undefined;
  /** The hub's own word for it, such as `GatedRepo`. */
  readonly reason: string | undefined;

  constructor(url: string, problem: string, { status, reason, cause }: RequestFailureOptions = {}) {
    super(`${withoutQuery(url)}: ${problem}`, { cause });
    this.url = withoutQuery(url);
    this.status = status;
    this.reason = reason;
  }

  /** Whether the server could not be reached, or answered that it cannot answer now. */
  get isOutage(): boolean {
    return this.status === undefined || this.status === 429 || this.status >= 500;
  }
}

interface RequestFailureOptions {
  readonly status?: number;
  readonly reason?: string | undefined;
  readonly cause?: unknown;
}

const attempts = 4;
const firstWaitMs = 300;
const longestWaitMs = 30_000;
/** Names that do not resolve and closed ports stay so for the next seconds. */
const lastingProblems: ReadonlySet<unknown> = new Set(["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED"]);

/**
 * GETs a URL, following redirects; a redirect to another origin is followed without the Authorization header.
 *
 * @throws RequestFailure for an answer that is not 2xx, or none, after a few attempts where another could help.
 */
export async function request(url: string, options: RequestOptions): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    let waitMs = firstWaitMs * 3 ** (attempt - 1);
    try {
      const response = await attemptRequest(url, options);
      if (response.ok) return response;
      waitMs = Math.min(longestWaitMs, 1000 * Number(response.headers.get("Retry-After")) || waitMs);
      await response.body?.cancel();
      throw new RequestFailure(url, `answered ${response.status} ${response.statusText}`.trimEnd(), {
        status: response.status,
        reason: response.headers.get("X-Error-Code") ?? undefined,
      });
    } catch (error) {
      options.signal?.throwIfAborted();
      const failure = error instanceof RequestFailure ? error : unanswered(url, error);
      if (!failure.isOutage || attempt === attempts || lastingProblems.has(codeOf(failure.cause))) throw failure;
      await sleep(waitMs, undefined, { signal: options.signal });
    }
  }
}

async function attemptRequest(url: string, { headers, signal, timeoutMs }: RequestOptions): Promise<Response> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new Error(`nothing arrived for ${timeoutMs / 1000} s`)), timeoutMs);
  try {
    const response = await fetch(url, {
      // What is counted and checked is the file itself, not a compressed form of it.
      headers: { "User-Agent": `limbeck/${packageVersion}`, "Accept-Encoding": "identity", ...headers },
      signal: signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]),
    });
    timer.refresh().unref();
    const heard = response.body?.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(piece, controller) {
          timer.refresh();
          controller.enqueue(piece);
        },
        flush: () => clearTimeout(timer),
      }),
    );
    return new Response(heard ?? null, response);
  } catch (error) {
    clearTimeout(timer);
    throw error;
  }
}

/** An answer that did not come, or broke off. */
export function unanswered(url: string, cause: unknown): RequestFailure {
  const code = codeOf(cause);
  const { message } = cause as Error;
  return new RequestFailure(url, typeof code === "string" ? `could not be reached (${code})` : message, { cause });
}

/** The system's code, which fetch wraps once or twice. */
function codeOf(error: unknown): unknown {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && typeof cause.code === "string") return cause.code;
  }
  return undefined;
}

/** Signed addresses of file servers carry secrets behind the question mark. */
function withoutQuery(url: string): string {
  return url.replace(/\?.*$/s, "");
}
