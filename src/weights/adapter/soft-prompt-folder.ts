/** @file A soft prompt on disk, in PEFT's format: written alone, and read as its base model with the prompt beside its weights. */

import { ModelError, show } from "../../errors.js";
import { promptName } from "../../models/soft-prompt.js";
import type { SafetensorsFile } from "../safetensors-reader.js";
import type { StoredTensor, WeightsFile } from "../weights-file.js";
import type { BaseModel } from "./adapter-folder.js";
import { writePeftFolder } from "./peft-folder.js";
import { formatSoftPromptConfig } from "./soft-prompt-config.js";

/** What a soft prompt's folder holds. */
export interface SoftPromptContents {
  /** As the file will name it: a path or a model on the hub. */
  readonly baseModel: string;
  /** The base's config.json, which tells the tokenizer's end token where no other file does. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Layers of the base model. */
  readonly layers: number;
  /** `[virtual, hidden]`. */
  readonly prompt: Float32Array;
  readonly hiddenSize: number;
}

/**
 * Writes a soft prompt with the tokenizer's files.
 *
 * @param copyFrom - the model whose tokenizer files go with it, where it has any.
 * @param options - `replace`: takes the place of what is there already.
 */
export async function writeSoftPromptFolder(
  path: string,
  { prompt, config, ...names }: SoftPromptContents,
  copyFrom: string | undefined,
  options: { readonly replace: boolean },
): Promise<void> {
  const virtualTokens = prompt.length / names.hiddenSize;
  const tensors = [{ name: promptName, shape: [virtualTokens, names.hiddenSize], data: prompt }];
  const about = formatSoftPromptConfig({ ...names, virtualTokens });
  await writePeftFolder(path, about, tensors, copyFrom, { ...options, modelConfig: config });
}

/** A base model's weights, and a soft prompt. */
export class PromptedWeights implements WeightsFile {
  readonly path: string;
  readonly bytesOnDisk: number;
  readonly #base: BaseModel;
  readonly #file: SafetensorsFile;

  /** @throws ModelError where the file holds anything but one prompt of so many vectors. */
  constructor(base: BaseModel, file: SafetensorsFile, virtualTokens: number) {
    this.path = file.path;
    this.bytesOnDisk = base.bytesOnDisk + file.bytesOnDisk;
    this.#base = base;
    this.#file = file;
    const names = file.names();
    const shape = file.has(promptName) ? file.info(promptName).shape : undefined;
    if (names.length === 1 && shape?.length === 2 && shape[0] === virtualTokens) return;
    throw new ModelError(
      `"${this.path}": must hold "${promptName}" of ${virtualTokens} rows and nothing else, got ${show(names)}${shape ? ` of shape ${show(shape)}` : ""}.`,
      { hint: "Use the adapter_config.json that belongs to these weights." },
    );
  }

  names(): string[] {
    return [...this.#base.names(), promptName];
  }

  has(name: string): boolean {
    return name === promptName || this.#base.has(name);
  }

  info(name: string): StoredTensor {
    return this.#fileOf(name).info(name);
  }

  readFloat32(name: string): Promise<Float32Array> {
    return this.#fileOf(name).readFloat32(name);
  }

  readBytes(name: string): AsyncGenerator<Uint8Array> {
    return this.#fileOf(name).readBytes(name);
  }

  async close(): Promise<void> {
    await this.#file.close();
    await this.#base[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #fileOf(name: string): Pick<WeightsFile, "info" | "readFloat32" | "readBytes"> {
    return name === promptName ? this.#file : this.#base;
  }
}
