/** Distils as a config says, prints the held-out divergence as it falls, and can be stopped and gone on with. */

import { loadConfig, runRecipe } from "limbeck";

/**
 * @param {string} path - of a config.
 * @param {{ signal?: AbortSignal, resume?: boolean, print?: (line: string) => void }} options
 */
export async function distil(path, { signal, resume = false, print = printLine } = {}) {
  const config = await loadConfig(path);
  const { output, report } = await runRecipe(config, {
    signal,
    resume,
    onEvent(event) {
      if (event.type === "evaluation")
        print(`${event.run}, step ${event.step}: KL ${event.evaluation.klTeacherStudent}`);
      if (event.type === "warning") print(`warning: ${event.message}`);
    },
  });
  const student = report.models.find(({ role }) => role === "student-after");
  print(`perplexity ${student.perplexity.value}, in ${output}/student`);
  return report;
}

function printLine(line) {
  process.stdout.write(`${line}\n`);
}

if (import.meta.filename === process.argv[1]) {
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  await distil(process.argv[2], { signal: stop.signal, resume: process.argv.includes("--resume") });
}
