/** @file The package's own version. */

import { createRequire } from "node:module";

/** As in package.json, which stands one folder up from `src` and from `dist` alike. */
export const packageVersion: string = (createRequire(import.meta.url)("../package.json") as { version: string })
  .version;
