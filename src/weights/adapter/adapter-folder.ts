/**
 * @file Low-rank adapters on disk, in PEFT's format: written alone, and read merged into their base model, so that an adapter's folder
 * can stand wherever a model can. A soft prompt's folder is opened here too, as its base with the prompt.
 */

import { access, readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ModelError, show } from "../../errors.js";
import { openSafetensors, type SafetensorsFile } from "../safetensors-reader.js";
import type { StoredTensor, WeightsFile } from "../weights-file.js";
import {
  type AdapterConfig,
  adapterConfigFileName,
  adapterWeightsFileName,
  formatAdapterConfig,
  parseAdapterConfig,
  type ReadAdapterConfig,
} from "./adapter-config.js";
import { mergeLowRank } from "./merge.js";
import { writePeftFolder } from "./peft-folder.js";
import { PromptedWeights } from "./soft-prompt-folder.js";

/** Weight names as PEFT writes them: `base_model.model.` and the layer's name, then `lora_A` or `lora_B`. */
const prefix = "base_model.model.";
const suffixes = { down: ".lora_A.weight", up: ".lora_B.weight" } as const;

/** The name of a weight's adapter, without PEFT's prefix: `model.layers.0.self_attn.q_proj.lora_A.weight`. */
export function adapterName(weight: string, part: keyof typeof suffixes): string {
  return weight.replace(/\.weight$/, suffixes[part]);
}

export interface AdapterTensor {
  /** By {@link adapterName}. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | (() => Promise<Float32Array>);
}

/**
 * Writes `adapter_config.json`, `adapter_model.safetensors` and the tokenizer's files, as PEFT's `save_pretrained` does.
 *
 * @param copyFrom - the model whose tokenizer files go with it.
 */
export async function writeAdapterFolder(
  path: string,
  config: AdapterConfig,
  tensors: readonly AdapterTensor[],
  copyFrom: string | undefined,
): Promise<void> {
  const named = tensors.map((tensor) => ({ ...tensor, name: prefix + tensor.name }));
  await writePeftFolder(path, formatAdapterConfig(config), named, copyFrom, { replace: true });
}

/** What an adapter's folder needs of its base: an open model folder. */
export interface BaseModel extends AsyncDisposable {
  readonly path: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly bytesOnDisk: number;
  names(): string[];
  has(name: string): boolean;
  info(name: string): StoredTensor;
  readFloat32(name: string): Promise<Float32Array>;
  readBytes(name: string): AsyncGenerator<Uint8Array>;
}

/** An adapter's folder as the model that it makes of its base. */
export interface OpenedAdapter {
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: WeightsFile;
  /** Vectors of its soft prompt, which is one of its tensors; 0 where it has none. */
  readonly virtualTokens: number;
}

/**
 * Opens an adapter's folder as the model that it makes of its base.
 *
 * @param openBase - opens the base model, which is looked for by the name that the config has, beside the adapter's folder where it
 *   was moved together with its base, and on the hub.
 * @throws ModelError if the base is missing or no tensor of it fits; UnsupportedError for other kinds of adapters.
 */
export async function openAdapterFolder(
  path: string,
  openBase: (path: string) => Promise<BaseModel>,
): Promise<OpenedAdapter> {
  const adapter = await readConfig(path);
  const basePath = await locateAdapterBase(path);
  if (resolve(basePath) === resolve(path) || (await isThere(join(basePath, adapterConfigFileName)))) {
    throw new ModelError(`"${path}": the base of an adapter must be a model, got another adapter, "${basePath}".`);
  }
  const base = await openBase(basePath);
  try {
    const file = await openSafetensors(join(path, adapterWeightsFileName));
    try {
      if (adapter.kind === "low-rank") {
        return { config: base.config, weights: new MergedWeights(base, file, adapter.scale), virtualTokens: 0 };
      }
      const { virtualTokens } = adapter;
      return { config: base.config, weights: new PromptedWeights(base, file, virtualTokens), virtualTokens };
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    await base[Symbol.asyncDispose]();
    throw error;
  }
}

/** The path of an adapter's base on this machine, downloaded where needed. */
export async function locateAdapterBase(path: string): Promise<string> {
  const { baseModel } = await readConfig(path);
  const here = await findHere(path, baseModel);
  if (here !== undefined) return here;
  // Loading a model needs nothing of the hub but here.
  const { locateModel } = await import("../hub/index.js");
  return locateModel(baseModel);
}

/** What another adapter's config can call an adapter's base: its path where it is a folder here, else its name on the hub. */
export async function nameAdapterBase(path: string): Promise<string> {
  const { baseModel } = await readConfig(path);
  const here = await findHere(path, baseModel);
  return here === undefined ? baseModel : resolve(here);
}

async function findHere(path: string, baseModel: string): Promise<string | undefined> {
  for (const candidate of [join(path, baseModel), baseModel, join(dirname(resolve(path)), basename(baseModel))]) {
    if (await isThere(candidate)) return candidate;
  }
  return undefined;
}

async function readConfig(path: string): Promise<ReadAdapterConfig> {
  const configPath = join(path, adapterConfigFileName);
  return parseAdapterConfig(configPath, await readObject(configPath));
}

/** A base model's weights with an adapter added, computed when they are read. */
class MergedWeights implements WeightsFile {
  readonly path: string;
  readonly bytesOnDisk: number;
  readonly #base: BaseModel;
  readonly #adapter: SafetensorsFile;
  readonly #scale: number;

  constructor(base: BaseModel, adapter: SafetensorsFile, scale: number) {
    this.path = adapter.path;
    this.bytesOnDisk = base.bytesOnDisk + adapter.bytesOnDisk;
    this.#base = base;
    this.#adapter = adapter;
    this.#scale = scale;
    const expected = new Set(base.names().flatMap((name) => (this.#isAdapted(name) ? this.#checkedNames(name) : [])));
    const stray = adapter.names().find((name) => !expected.has(name));
    if (stray !== undefined) {
      throw new ModelError(
        `"${this.path}": tensors must be low-rank changes of weights of "${base.path}", got ${show(stray)}.`,
        { hint: "Check that the adapter was trained on this base model." },
      );
    }
  }

  names(): string[] {
    return this.#base.names();
  }

  has(name: string): boolean {
    return this.#base.has(name);
  }

  info(name: string): StoredTensor {
    return { dtype: "F32", shape: this.#base.info(name).shape };
  }

  async readFloat32(name: string): Promise<Float32Array> {
    const weight = await this.#base.readFloat32(name);
    if (!this.#isAdapted(name)) return weight;
    const [downName, upName] = this.#namesOf(name);
    const [down, up] = [await this.#adapter.readFloat32(downName), await this.#adapter.readFloat32(upName)];
    return mergeLowRank(weight, { rank: this.#adapter.info(downName).shape[0]!, scale: this.#scale, down, up });
  }

  async *readBytes(name: string): AsyncGenerator<Uint8Array> {
    const { buffer, byteOffset, byteLength } = await this.readFloat32(name);
    yield new Uint8Array(buffer, byteOffset, byteLength);
  }

  async close(): Promise<void> {
    await this.#adapter.close();
    await this.#base[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #namesOf(name: string): readonly [down: string, up: string] {
    return [prefix + adapterName(name, "down"), prefix + adapterName(name, "up")];
  }

  #isAdapted(name: string): boolean {
    return name.endsWith(".weight") && this.#namesOf(name).some((each) => this.#adapter.has(each));
  }

  /** The names of a weight's two factors, which must fit it. */
  #checkedNames(name: string): readonly [down: string, up: string] {
    const names = this.#namesOf(name);
    const [down, up] = names.map((each) => this.#adapter.info(each).shape) as [readonly number[], readonly number[]];
    const [out, into] = this.#base.info(name).shape;
    if (down[1] === into && up[0] === out && down[0] === up[1]) return names;
    throw new ModelError(
      `"${this.path}": the factors of "${name}" must be [rank, ${into}] and [${out}, rank], got ${show(down)} and ${show(up)}.`,
      { hint: "Check that the adapter was trained on this base model." },
    );
  }
}

async function readObject(path: string): Promise<Record<string, unknown>> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  } catch (cause) {
    throw new ModelError(`"${path}": must be a JSON file, got ${(cause as Error).message}.`, { cause });
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
