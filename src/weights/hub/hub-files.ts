/** @file What a repository on the hub has, and which of its files limbeck needs. */

import { dirname } from "node:path/posix";
import { type ListFileEntry, listFiles, modelInfo } from "@huggingface/hub";
import { LimbeckError, ModelError, show } from "../../errors.js";
import { companionFileNames, configFileName, weightsFileName, weightsIndexFileName } from "../model-files.js";
import type { Checksum } from "./download-file.js";
import { shardNames } from "./hub-cache.js";
import type { HubSettings } from "./hub-settings.js";
import { formatHubName, type HubName } from "./model-name.js";
import { RequestFailure, request, unanswered } from "./request.js";

export interface HubFile {
  readonly path: string;
  readonly bytes: number;
  readonly checksum: Checksum;
}

/** A repository at one commit. */
export interface HubListing {
  readonly commit: string;
  readonly files: readonly HubFile[];
}

/** The headers of a request to the hub itself. */
export function hubHeaders({ token }: HubSettings): Record<string, string> {
  return token === undefined ? {} : { Authorization: `Bearer ${token}` };
}

/**
 * Asks the hub what a revision is, and which files lie beside each other there: those at the top, or those beside the
 * `.gguf` file that is named.
 *
 * @throws RequestFailure
 */
export async function listHubFiles(
  { id, revision, file }: HubName,
  settings: HubSettings,
  signal: AbortSignal | undefined,
): Promise<HubListing> {
  const common = {
    hubUrl: settings.endpoint,
    fetch: (url: Parameters<typeof fetch>[0]) =>
      request(String(url), { headers: hubHeaders(settings), signal, timeoutMs: settings.timeoutMs }),
  };
  const folder = file?.includes("/") ? { path: dirname(file) } : {};
  try {
    const { sha } = await modelInfo({ ...common, name: id, revision, additionalFields: ["sha"] });
    const files: HubFile[] = [];
    for await (const entry of listFiles({ ...common, ...folder, repo: id, revision: sha })) {
      if (entry.type === "file") files.push(describe(entry, settings));
    }
    return { commit: sha, files };
  } catch (error) {
    // An answer that breaks off, or that is no answer of a hub, is none.
    throw error instanceof RequestFailure || error instanceof LimbeckError
      ? error
      : unanswered(settings.endpoint, error);
  }
}

/**
 * The one file that is named, or what a model folder holds: its config, its tokenizer and its weights as safetensors.
 *
 * @param readIndex - downloads the weights' index, where they are in shards, and returns its text.
 * @throws ModelError that says what is there, where this is not.
 */
export async function chooseFiles(
  name: HubName,
  files: readonly HubFile[],
  need: "model" | "tokenizer",
  readIndex: (file: HubFile) => Promise<string>,
): Promise<HubFile[]> {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const where = `model: "${formatHubName(name)}"`;
  const expectFile = (path: string): HubFile => {
    const file = byPath.get(path);
    if (file !== undefined) return file;
    throw new ModelError(`${where} must have "${path}", got ${listed(files)}.`);
  };
  if (name.file !== undefined) return [expectFile(name.file)];

  const companions = files.filter(({ path }) => path === configFileName || companionFileNames.has(path));
  if (need === "tokenizer") return companions;
  const whole = byPath.get(weightsFileName);
  if (whole !== undefined) {
    expectFile(configFileName);
    return [...companions, whole];
  }
  const index = byPath.get(weightsIndexFileName);
  if (index === undefined) throw noSafetensors(name, where, files);
  expectFile(configFileName);
  return [...companions, index, ...shardNames(await readIndex(index)).map(expectFile)];
}

function noSafetensors(name: HubName, where: string, files: readonly HubFile[]): ModelError {
  const gguf = files.find(({ path }) => path.endsWith(".gguf"));
  const hint =
    gguf === undefined
      ? "Choose a model with safetensors, or convert this one once with transformers: `model.save_pretrained(folder)`."
      : `Name one of its GGUF files: model: ${formatHubName({ ...name, file: gguf.path })}`;
  return new ModelError(`${where} must have its weights as ${weightsFileName}, got ${listed(files)}.`, { hint });
}

/** The files that tell what a repository is, weights first. */
function listed(files: readonly HubFile[]): string {
  if (files.length === 0) return "an empty repository";
  const names = [...files].sort((a, b) => b.bytes - a.bytes).map(({ path }) => path);
  return `${names.slice(0, 6).join(", ")}${names.length > 6 ? ` and ${names.length - 6} other files` : ""}`;
}

/** Large files have a SHA-256; of the others the hub says git's name. Both become names of files in the cache. */
function describe({ path, size, lfs, oid = "" }: ListFileEntry, { endpoint }: HubSettings): HubFile {
  const checksum: Checksum = lfs === undefined ? { kind: "git-blob", value: oid } : { kind: "sha256", value: lfs.oid };
  if (!/^[0-9a-f]{40}$|^[0-9a-f]{64}$/.test(checksum.value) || !/^(?!\/)(?!.*(^|\/)\.\.(\/|$))[^\\:]+$/.test(path)) {
    throw new ModelError(`"${endpoint}": must list files with checksums, got ${show({ path, checksum })}.`);
  }
  return { path, bytes: lfs?.size ?? size, checksum };
}
