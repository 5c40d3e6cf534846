/** @file How many threads a config asks for. */

import os from "node:os";

/** auto is one per core. */
export function threadsOf({ threads }: { readonly threads: "auto" | number }): number {
  return threads === "auto" ? os.availableParallelism() : threads;
}
