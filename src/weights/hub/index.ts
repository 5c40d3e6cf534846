/** @file Where models come from: paths, the Hugging Face hub and its cache, and limbeck's own. */

export type { CachedModel, SnapshotContents } from "./hub-cache.js";
export { listLocalModels } from "./list-local-models.js";
export { locateModel } from "./locate-model.js";
export type { LocateEvent, LocateOptions } from "./locate-options.js";
export { parseHubName } from "./model-name.js";
export { shortNames } from "./short-names.js";
