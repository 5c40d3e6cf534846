/** @file Where a file lies on the Python package index that pip would ask. */

import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { LimbeckError } from "../../errors.js";
import { type RequestOptions, request } from "./request.js";

/** A package index, with the headers that its credentials make. */
interface PackageIndex {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** An address on a package index. */
export interface PackageAddress {
  readonly url: string;
  /** What the index wants to be sent; not for other hosts. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Looks a file of a project up by the simple repository API, as JSON or HTML.
 *
 * https://packaging.python.org/en/latest/specifications/simple-repository-api/
 *
 * @throws RequestFailure, or LimbeckError `PACKAGE` where the project has no such file.
 */
export async function findPackageFile(
  project: string,
  fileName: string,
  options: RequestOptions,
): Promise<PackageAddress> {
  const index = await readPackageIndex();
  const page = `${index.url}/${project}/`;
  const accept = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";
  const response = await request(page, { ...options, headers: { ...index.headers, Accept: accept } });
  const text = await response.text();
  const isJson = response.headers.get("Content-Type")?.includes("json") === true;
  const links = isJson
    ? (JSON.parse(text) as { readonly files: readonly { readonly url: string }[] }).files.map(({ url }) => url)
    : [...text.matchAll(/<a\s[^>]*?href\s*=\s*["']([^"']+)["']/gi)].map(([, url]) => url!.replaceAll("&amp;", "&"));
  const found = links.map((link) => new URL(link, page)).find(({ pathname }) => pathname.endsWith(`/${fileName}`));
  if (found === undefined) {
    throw new LimbeckError("PACKAGE", `"${page}": must have ${fileName}, got ${links.length} other files.`);
  }
  found.hash = "";
  return { url: found.href, headers: found.origin === new URL(page).origin ? index.headers : {} };
}

/** `PIP_INDEX_URL`, or pip's config files, the nearest to the user first, or the public index. */
async function readPackageIndex(): Promise<PackageIndex> {
  const url = new URL(process.env.PIP_INDEX_URL || (await readPipConfig()) || "https://pypi.org/simple");
  const credentials = [url.username, url.password].map(decodeURIComponent).join(":");
  [url.username, url.password] = ["", ""]; // fetch takes no credentials in a URL
  const headers = credentials === ":" ? {} : { Authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
  return { url: url.href.replace(/\/+$/, ""), headers };
}

async function readPipConfig(): Promise<string | undefined> {
  const { PIP_CONFIG_FILE, VIRTUAL_ENV, XDG_CONFIG_HOME } = process.env;
  const files = [
    PIP_CONFIG_FILE,
    VIRTUAL_ENV && join(VIRTUAL_ENV, "pip.conf"),
    join(XDG_CONFIG_HOME || join(homedir(), ".config"), "pip", "pip.conf"),
    join(homedir(), ".pip", "pip.conf"),
    "/etc/pip.conf",
  ];
  for (const file of files) {
    const text = file ? await readFile(file, "utf8").catch(() => "") : "";
    const url = /^\s*index-url\s*[=:]\s*(\S+)/m.exec(text)?.[1];
    if (url !== undefined) return url;
  }
  return undefined;
}
