/**
 * @file Checks a packed tarball: it holds everything that an installed limbeck needs and nothing else, `publint` finds
 * nothing to improve, and git tracks none of the text that packing adds.
 *
 *     node scripts/check-package.mjs limbeck-0.1.0.tgz
 */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

/** Besides the targets of `bin` and `exports`, which publint looks for. */
const expected = [
  "LICENSE",
  "README.md",
  "CHANGELOG.md",
  "assets/quickstart/quickstart.yaml",
  "assets/quickstart/train.jsonl.gz",
  "assets/quickstart/held-out.jsonl.gz",
  "assets/quickstart/teacher/config.json",
  "assets/quickstart/teacher/model.safetensors",
  "assets/quickstart/teacher/tokenizer.json",
  "assets/quickstart/teacher/tokenizer_config.json",
];

const allowed = /^(dist|assets|configs|docs|schema)\/|^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/;
const forbidden = /\.test\.|^docs\/api\/|\.tsbuildinfo$/;

/** @param {string} tarball @returns {Promise<string[]>} one sentence per problem */
async function findProblems(tarball) {
  const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(readFileSync(tarball)).buffer } });
  const files = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" })
    .trimEnd()
    .split("\n")
    .map((path) => path.replace(/^package\//, ""));
  const missing = expected.filter((path) => !files.includes(path));
  const surplus = files.filter((path) => !allowed.test(path) || forbidden.test(path));
  const tracked = execFileSync("git", ["-c", "safe.directory=*", "ls-files", "assets/quickstart/*.jsonl*"], {
    encoding: "utf8",
  });
  return [
    ...messages.map((message) => `publint: ${formatMessage(message, pkg, { color: false })}`),
    ...missing.map((path) => `missing from the tarball: ${path}`),
    ...surplus.map((path) => `should not be in the tarball: ${path}`),
    ...(files.some((path) => path.startsWith("schema/")) ? [] : ["missing from the tarball: a JSON Schema in schema/"]),
    ...tracked.split("\n").flatMap((path) => (path ? [`git tracks the quickstart's text: ${path}`] : [])),
  ];
}

const [tarball] = process.argv.slice(2);
if (tarball === undefined) throw new Error("check-package: expected the path of a tarball as the only argument.");
const problems = await findProblems(tarball);
process.stdout.write(`${problems.join("\n") || `${tarball}: complete`}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
