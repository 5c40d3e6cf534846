/** @file Writes a Hugging Face model folder: config.json, weights in one file or in shards, the tokenizer's files unchanged. */

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ModelError } from "../errors.js";
import { writeFolderAtomically } from "./atomic-write.js";
import { isGguf } from "./gguf/reader.js";
import { readGgufTokenizer } from "./gguf/tokenizer.js";
import { companionFileNames, configFileName, weightsFileName, weightsIndexFileName } from "./model-files.js";
import { elementCount } from "./safetensors-header.js";
import {
  bytesPerWeight,
  expectUniqueNames,
  type NamedTensor,
  type WeightDtype,
  writeSafetensors,
} from "./safetensors-writer.js";

/** What a model folder is made of. */
export interface ModelFolderContents {
  /** Becomes config.json, with `torch_dtype` set to what is written. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: Iterable<NamedTensor>;
  readonly dtype: WeightDtype;
  /** A model folder whose tokenizer, chat template and generation settings are copied byte for byte, or a GGUF file whose tokenizer is written out. */
  readonly copyFrom?: string | undefined;
  /** Weights beyond this size go into several files. Default 5 GB, as in transformers. */
  readonly maxShardBytes?: number;
  /** Takes the place of a model folder that is already there. */
  readonly replace?: boolean;
}

/**
 * Writes a model folder that transformers and {@link openModelFolder} can read; it appears complete or not at all.
 *
 * @throws ModelError if `copyFrom` cannot be read, `replace` would delete something that is no model, or a tensor is wrong.
 * @throws LimbeckError `FILE` if the path is occupied and `replace` is not set, or the system refuses.
 */
export async function writeModelFolder(
  path: string,
  { config, tensors, dtype, copyFrom, maxShardBytes = 5e9, replace = false }: ModelFolderContents,
): Promise<void> {
  const companions = copyFrom === undefined ? new Map() : await readCompanions(copyFrom);
  if (replace) await expectModelOrNothing(path);
  const list = [...tensors];
  expectUniqueNames(list);
  const shards = planShards(list, dtype, maxShardBytes);
  const { dtype: _, ...rest } = config; // newer transformers' name for torch_dtype, which would win over it
  await writeFolderAtomically(
    path,
    async (folder) => {
      await writeJson(join(folder, configFileName), { ...rest, torch_dtype: dtype });
      for (const [name, content] of companions) await writeFile(join(folder, name), content);
      await writeShards(folder, shards, dtype);
    },
    { replace },
  );
}

async function writeShards(folder: string, shards: readonly NamedTensor[][], dtype: WeightDtype): Promise<void> {
  const options = { dtype, metadata: { format: "pt" } };
  if (shards.length === 1) return writeSafetensors(join(folder, weightsFileName), shards[0]!, options);
  const weightMap: [string, string][] = [];
  for (const [i, shard] of shards.entries()) {
    const fileName = `model-${ordinal(i + 1)}-of-${ordinal(shards.length)}.safetensors`;
    await writeSafetensors(join(folder, fileName), shard, options);
    weightMap.push(...shard.map(({ name }) => [name, fileName] as [string, string]));
  }
  const totalBytes = shards.flat().reduce((sum, tensor) => sum + storedBytes(tensor, dtype), 0);
  await writeJson(join(folder, weightsIndexFileName), {
    metadata: { total_size: totalBytes },
    weight_map: Object.fromEntries(weightMap.sort(([a], [b]) => (a < b ? -1 : 1))),
  });
}

/** Fills shards in the order given; a tensor larger than a shard gets one of its own. At least one shard, if empty. */
function planShards(tensors: readonly NamedTensor[], dtype: WeightDtype, maxShardBytes: number): NamedTensor[][] {
  const shards: NamedTensor[][] = [[]];
  let shardBytes = 0;
  for (const tensor of tensors) {
    const bytes = storedBytes(tensor, dtype);
    if (shardBytes > 0 && shardBytes + bytes > maxShardBytes) {
      shards.push([]);
      shardBytes = 0;
    }
    shards.at(-1)!.push(tensor);
    shardBytes += bytes;
  }
  return shards;
}

/** What goes with a model beside its weights, by file name. */
export async function readCompanions(from: string): Promise<ReadonlyMap<string, string | Buffer>> {
  if (isGguf(from)) return readGgufTokenizer(from);
  const present = await readdir(from).catch((cause: Error) => {
    throw new ModelError(`"${from}": must be a folder with tokenizer files, got ${cause.message}.`, { cause });
  });
  const names = present.filter((name) => companionFileNames.has(name));
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(from, name))] as const)));
}

/** Guards against deleting a folder that was named by mistake. */
async function expectModelOrNothing(path: string): Promise<void> {
  const present = await readdir(path).catch((): string[] => []);
  if (present.length > 0 && !present.includes(configFileName)) {
    throw new ModelError(`"${path}": must be a model folder to be replaced, got one without ${configFileName}.`, {
      hint: "Choose another folder, or move this one away.",
    });
  }
}

function storedBytes({ shape }: NamedTensor, dtype: WeightDtype): number {
  return elementCount(shape) * bytesPerWeight[dtype];
}

function ordinal(n: number): string {
  return String(n).padStart(5, "0");
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, undefined, 2)}\n`);
}
