/** @file Teachers' signals on disk. */

export {
  type CaptureFolder,
  fillCapture,
  isComplete,
  listCaptures,
  makeCapture,
  openShards,
  presentBlocks,
  readCapture,
} from "./capture-folder.js";
export {
  type CaptureDescription,
  type CapturedTeacher,
  codecOf,
  describeDifferences,
  describeDocuments,
  differencesOf,
  type Stored,
  summarize,
} from "./description.js";
export { documentKey } from "./document-key.js";
export { type CacheOptions, cacheSchema, type StoreOptions } from "./options.js";
export { distinctDocuments, planBlocks } from "./plan-blocks.js";
