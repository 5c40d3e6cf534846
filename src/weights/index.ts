/** @file Model files in and out: safetensors, Hugging Face model folders, GGUF files, and writes that are complete or not there at all. */

export { mergeAdapters } from "./adapter/merge-adapters.js";
export {
  expectNewFolder,
  type FolderWriteOptions,
  isTemporaryName,
  writeFileAtomically,
  writeFolderAtomically,
} from "./atomic-write.js";
export { isGguf } from "./gguf/reader.js";
export { hasGgufTokenizer, readGgufTokenizer } from "./gguf/tokenizer.js";
export { type LocateEvent, type LocateOptions, locateModel } from "./hub/index.js";
export { type ModelFolder, openModelFolder } from "./model-folder.js";
export type { TensorDtype, TensorInfo } from "./safetensors-header.js";
export { openSafetensors, type SafetensorsFile } from "./safetensors-reader.js";
export { type NamedTensor, type SafetensorsOptions, type WeightDtype, writeSafetensors } from "./safetensors-writer.js";
export type { StoredTensor, WeightsFile } from "./weights-file.js";
export { type ModelFolderContents, writeModelFolder } from "./write-model-folder.js";
