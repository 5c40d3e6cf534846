/**
 * @file Puts a trained teacher into the quickstart's assets, in 16 bits, and writes down how it was made: the run's config,
 * its numbers and its curve.
 *
 *     npx limbeck run configs/pretrain-quickstart-teacher.yaml
 *     node scripts/ship-teacher.mjs runs/quickstart-teacher
 */

import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { openModelFolder, writeModelFolder } from "../dist/weights/index.js";

const run = process.argv[2] ?? "runs/quickstart-teacher";
const root = fileURLToPath(new URL("../", import.meta.url));
const target = join(root, "assets/quickstart/teacher");

const model = await openModelFolder(join(run, "student"));
const tensors = model.names().map((name) => ({
  name,
  shape: model.info(name).shape,
  data: () => model.readFloat32(name),
}));
const written = `${target}.new`;
await writeModelFolder(written, { config: model.config, tensors, dtype: "float16", copyFrom: join(run, "student") });
await model.close();
for (const name of ["config.json", "model.safetensors"]) {
  await writeFile(join(target, name), await readFile(join(written, name)));
}
await rm(written, { recursive: true });

/** @type {import("../dist/report/report.js").Report} */
const report = JSON.parse(await readFile(join(run, "report.json"), "utf8"));
const after = report.models.find(({ role }) => role === "student-after");
if (!after?.perplexity || !after.bitsPerByte) throw new Error(`expected a measured model in "${run}/report.json"`);
const { perplexity, bitsPerByte, parameters } = after;
const rows = report.history.student.evaluations
  .map((point) => `| ${point.step} | ${point.loss.toFixed(3)} | ${point.perplexity.toFixed(1)} |`)
  .join("\n");
await writeFile(
  join(root, "configs/pretrain-quickstart-teacher.md"),
  `# The quickstart's teacher

Made by \`npx limbeck run configs/pretrain-quickstart-teacher.yaml\` (seed ${report.run.seed}) in ${Math.round(report.run.seconds / 60)} minutes on
${report.run.machine}, then written in 16 bits by \`node scripts/ship-teacher.mjs\`.

- ${parameters.toLocaleString("en")} parameters, ${report.data.train.tokens.toLocaleString("en")} training tokens in ${report.data.train.rows} addresses.
- Held-out perplexity ${perplexity.value.toFixed(1)} (95 % interval ${perplexity.low?.toFixed(1)} to ${perplexity.high?.toFixed(1)} over addresses), ${bitsPerByte.value.toFixed(3)} bits per byte.

| step | held-out loss (nats/token, first 16,384 tokens) | perplexity |
|---:|---:|---:|
${rows}
`,
);
process.stdout.write(`${target}: ${parameters} parameters, perplexity ${perplexity.value.toFixed(1)}\n`);
