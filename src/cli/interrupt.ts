/** @file Ctrl-C: the first ends the work in good order, the second at once. */

/** Runs `work` with a signal that aborts on the first SIGINT or SIGTERM; the next one ends the process, which shells report as 130. */
export async function withInterrupt<Result>(
  say: (message: string) => void,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const onSignal = (): void => {
    // From here on the system's own answer to Ctrl-C applies. process.exit() would abort inside a running program.
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    say("stopping after this step; press again to quit at once");
    controller.abort();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}
