/** @file The package's own version. */

import { createRequire } from "node:module";

/** As in package.json, which stands two folders up from `src/cli` and from `dist/cli` alike. */
export const version: string = (createRequire(import.meta.url)("../../package.json") as { version: string }).version;
