/**
 * @file The cache that all Hugging Face tools share: `models--owner--name/` with `blobs/CHECKSUM`, `snapshots/COMMIT/PATH`
 * (links to blobs) and `refs/REVISION` (a commit). What is found here may have been put there by any of them.
 *
 * https://huggingface.co/docs/huggingface_hub/guides/manage-cache
 */

import { randomBytes } from "node:crypto";
import { access, copyFile, mkdir, readdir, readFile, rename, stat, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { getRepoFolderName } from "@huggingface/hub";
import { writeFileAtomically } from "../atomic-write.js";
import { configFileName, weightsFileName, weightsIndexFileName } from "../model-files.js";
import { type HubName, isCommit } from "./model-name.js";

/** What a snapshot has that limbeck can use. */
export type SnapshotContents = "model" | "gguf" | "tokenizer" | "part";

/** One revision of a model that is on this machine, or one GGUF file of it. */
export interface CachedModel {
  /** What `model:` takes, but for the revision. */
  readonly model: string;
  /** The commit. */
  readonly revision: string;
  /** The branches and tags that meant this commit when it was downloaded. */
  readonly refs: readonly string[];
  readonly contents: SnapshotContents;
  readonly bytes: number;
  readonly path: string;
}

/** The folder of a repository in the cache. */
export function repositoryFolder(cacheFolder: string, id: string): string {
  return join(cacheFolder, getRepoFolderName({ type: "model", name: id }));
}

/** The commit that a revision meant when it was last downloaded. */
export async function cachedCommit(repository: string, revision: string): Promise<string | undefined> {
  if (isCommit(revision)) return revision;
  const text = await readFile(join(repository, "refs", revision), "utf8").catch(() => "");
  return isCommit(text.trim()) ? text.trim() : undefined;
}

/**
 * What of a name is on this machine: the snapshot's folder, or the path of its `.gguf` file.
 *
 * @param need - a model with all of its weights, or a tokenizer.
 */
export async function findCached(
  cacheFolder: string,
  { id, revision, file }: HubName,
  need: "model" | "tokenizer",
): Promise<{ readonly path: string; readonly commit: string } | undefined> {
  const repository = repositoryFolder(cacheFolder, id);
  const commit = await cachedCommit(repository, revision);
  if (commit === undefined) return undefined;
  const folder = join(repository, "snapshots", commit);
  const path = file === undefined ? folder : join(folder, file);
  const isUsable =
    file !== undefined ? isThere(path) : need === "model" ? holdsModel(path) : isThere(join(path, "tokenizer.json"));
  return (await isUsable) ? { path, commit } : undefined;
}

/** All revisions of all models in the cache, sorted by name. */
export async function listCachedModels(cacheFolder: string): Promise<CachedModel[]> {
  const names = (await readNames(cacheFolder)).filter((name) => name.startsWith("models--")).sort();
  const models: CachedModel[] = [];
  for (const name of names) {
    const refs = await readRefs(join(cacheFolder, name, "refs"));
    for (const revision of await readNames(join(cacheFolder, name, "snapshots"))) {
      const path = join(cacheFolder, name, "snapshots", revision);
      const model = name.split("--").slice(1).join("/");
      const common = { revision, refs: refs.filter(([, commit]) => commit === revision).map(([ref]) => ref) };
      const files = await readNames(path, { recursive: true });
      const [ggufFiles, others] = [files.filter(isGguf), files.filter((file) => !isGguf(file))];
      const bytes = (await Promise.all(others.map((file) => bytesOf(join(path, file))))).reduce((sum, n) => sum + n, 0);
      if (bytes > 0) models.push({ model, ...common, contents: await contentsOf(path), bytes, path });
      for (const file of ggufFiles) {
        const at = join(path, file);
        models.push({ model: `${model}/${file}`, ...common, contents: "gguf", bytes: await bytesOf(at), path: at });
      }
    }
  }
  return models;
}

/** Whether a folder has config.json and all weights that its index names. */
export async function holdsModel(folder: string): Promise<boolean> {
  if (!(await isThere(join(folder, configFileName)))) return false;
  if (await isThere(join(folder, weightsFileName))) return true;
  try {
    const shards = shardNames(await readFile(join(folder, weightsIndexFileName), "utf8"));
    return (await Promise.all(shards.map((shard) => isThere(join(folder, shard))))).every(Boolean);
  } catch {
    return false;
  }
}

/** The files that a `model.safetensors.index.json` names. */
export function shardNames(index: string): string[] {
  const { weight_map: files } = JSON.parse(index) as { readonly weight_map: Readonly<Record<string, string>> };
  return [...new Set(Object.values(files))];
}

/** Puts a blob into a snapshot: a relative link, or a copy where the file system has no links. Whatever was there is replaced. */
export async function linkIntoSnapshot(blob: string, path: string): Promise<void> {
  if (await isThere(path)) return;
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  await symlink(relative(dirname(path), blob), temporary).catch(() => copyFile(blob, temporary));
  await rename(temporary, path);
}

/** Notes what a branch or tag means now. */
export async function writeRef(repository: string, revision: string, commit: string): Promise<void> {
  if ((await cachedCommit(repository, revision)) === commit) return;
  await writeFileAtomically(join(repository, "refs", revision), async (file) => {
    await file.writeFile(commit);
  });
}

function isGguf(file: string): boolean {
  return file.endsWith(".gguf");
}

async function contentsOf(folder: string): Promise<SnapshotContents> {
  if (await holdsModel(folder)) return "model";
  return (await isThere(join(folder, "tokenizer.json"))) ? "tokenizer" : "part";
}

async function readRefs(folder: string): Promise<(readonly [ref: string, commit: string])[]> {
  const refs = await readNames(folder, { recursive: true });
  return Promise.all(
    refs.map(async (ref) => [ref, (await readFile(join(folder, ref), "utf8").catch(() => "")).trim()] as const),
  );
}

async function readNames(folder: string, { recursive = false } = {}): Promise<string[]> {
  return readdir(folder, { recursive }).catch(() => []);
}

/** Follows links; 0 for folders and for links to what is gone. */
async function bytesOf(path: string): Promise<number> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() ? stats.size : 0;
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
