/** @file The models that are on this machine because they were downloaded once. */

import { stat } from "node:fs/promises";
import { findWheelModel } from "./fetch-from-wheel.js";
import { type CachedModel, listCachedModels } from "./hub-cache.js";
import { readHubSettings } from "./hub-settings.js";
import { shortNames } from "./short-names.js";

/** What the hub's cache holds, then limbeck's own. */
export async function listLocalModels(): Promise<CachedModel[]> {
  const { cacheFolder } = await readHubSettings();
  const models = await listCachedModels(cacheFolder);
  for (const [model, { wheel }] of shortNames) {
    const path = await findWheelModel(model, wheel);
    if (path === undefined) continue;
    const revision = `${wheel.project} ${wheel.version}`;
    models.push({ model, revision, refs: [], contents: "gguf", bytes: (await stat(path)).size, path });
  }
  return models;
}
