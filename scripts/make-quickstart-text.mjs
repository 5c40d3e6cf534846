/**
 * @file Writes the quickstart's text, gzipped, into `assets/quickstart/` for the npm package; git never sees it.
 * Run by `npm pack` (after `npm run build`):
 *
 *     node scripts/make-quickstart-text.mjs
 */

import { writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { locateDataset, readDataset } from "../dist/recipes/quickstart-data.js";

const assets = new URL("../assets/quickstart/", import.meta.url);
const text = await readDataset(locateDataset());
await writeFile(new URL("train.jsonl.gz", assets), gzipSync(text.train, { level: 9 }));
await writeFile(new URL("held-out.jsonl.gz", assets), gzipSync(text.heldOut, { level: 9 }));
