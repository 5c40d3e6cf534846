/** @file What a `model:` string can be: a path, a model on the hub, one `.gguf` file of it, or a short name. */

/** A model on the hub, or one file of it. */
export interface HubName {
  /** `owner/name`. */
  readonly id: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  /** The path of one `.gguf` file in the repository. */
  readonly file?: string;
}

/** Letters, digits, `_`, `.` and `-`; the hub allows no `--` or `..`, which would be ambiguous in its cache's folder names. */
const part = String.raw`\w(?:(?!--|\.\.)[\w.-])*`;
const hubName = new RegExp(
  String.raw`^(?<id>${part}/${part})(?<file>(?:/[^/\\@:]+)+\.gguf)?(?:@(?<revision>[\w][\w./+-]*))?$`,
  "i",
);

/**
 * Reads `owner/name`, `owner/name@revision`, `owner/name/file.gguf` or `owner/name/file.gguf@revision`.
 *
 * @returns undefined where the text has no such form.
 */
export function parseHubName(text: string): HubName | undefined {
  const { id, file, revision = "main" } = hubName.exec(text)?.groups ?? {};
  if (id === undefined) return undefined;
  if ([...(file ?? "").split("/"), ...revision.split("/")].includes("..")) return undefined;
  return { id, revision, ...(file !== undefined && { file: file.slice(1) }) };
}

/** The text that {@link parseHubName} reads. */
export function formatHubName({ id, revision, file }: HubName): string {
  return `${id}${file === undefined ? "" : `/${file}`}${revision === "main" ? "" : `@${revision}`}`;
}

/** Whether a text can only be a path: `./x`, `../x`, `/x`, `~/x`, `C:\x`. */
export function isPath(text: string): boolean {
  return /^(\.{1,2}$|\.{0,2}\/|~|[a-z]:[\\/])|\\/i.test(text);
}

/** A full commit id, which always means the same files. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}
