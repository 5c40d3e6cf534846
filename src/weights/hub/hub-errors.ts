/** @file What the hub refused, in words that say the way out. */

import { LimbeckError, ModelError } from "../../errors.js";
import { type CachedModel, listCachedModels } from "./hub-cache.js";
import type { HubSettings } from "./hub-settings.js";
import { formatHubName, type HubName } from "./model-name.js";
import type { RequestFailure } from "./request.js";

/** The error for a refused request, or for a hub that cannot be reached. */
export async function hubError(name: HubName, failure: RequestFailure, settings: HubSettings): Promise<LimbeckError> {
  const where = `model: "${formatHubName(name)}"`;
  const page = `${settings.endpoint}/${name.id}`;
  const options = { cause: failure, details: { url: failure.url, status: failure.status } };
  if (failure.isOutage) return notCached(name, `${failure.message}`, settings, failure);
  if (failure.reason === "RevisionNotFound") {
    return new ModelError(
      `${where} must be a branch, tag or commit of the model, got no revision "${name.revision}".`,
      {
        ...options,
        hint: `Choose one of ${page}/tree/main, or leave "@${name.revision}" out.`,
      },
    );
  }
  if (failure.reason === "GatedRepo" || failure.status === 403) {
    const how =
      settings.token === undefined
        ? `then set HF_TOKEN to a token from ${settings.endpoint}/settings/tokens`
        : "logged in as the owner of the token that is used here (HF_TOKEN, or that of `hf auth login`)";
    return new LimbeckError(
      "ACCESS",
      `${where} is open only to those who accepted its terms, got ${failure.message}.`,
      {
        ...options,
        hint: `Accept the terms at ${page}, ${how}.`,
      },
    );
  }
  if (failure.reason === "RepoNotFound" || failure.status === 404 || (failure.status === 401 && !settings.token)) {
    return new ModelError(`${where} is no path here, and no public model on ${settings.endpoint}.`, {
      ...options,
      hint: `Check the spelling; write a folder that is meant as ./${name.id}; for a private model set HF_TOKEN.`,
    });
  }
  if (failure.status === 401) {
    return new LimbeckError(
      "ACCESS",
      `${where}: the hub must know the token that is used here, got ${failure.message}.`,
      {
        ...options,
        hint: `Set HF_TOKEN to a valid token from ${settings.endpoint}/settings/tokens, or run \`hf auth login\` again.`,
      },
    );
  }
  return new LimbeckError("HUB", `${where} must be downloadable, got ${failure.message}.`, options);
}

/** The error for a model that is not here where the network is out of reach, or not to be used. */
export async function notCached(
  name: HubName,
  problem: string,
  { cacheFolder }: HubSettings,
  cause?: unknown,
): Promise<LimbeckError> {
  const cached = (await listCachedModels(cacheFolder)).filter(({ contents }) => contents !== "part");
  return new LimbeckError(
    "NETWORK",
    `model: "${formatHubName(name)}" is no path here and not in the cache, and cannot be downloaded: ${problem}.`,
    {
      hint:
        cached.length === 0
          ? `No model is cached in "${cacheFolder}". Go online once, or give a model's folder.`
          : `Go online once, or use a cached model: ${cached.slice(0, 8).map(nameCached).join(", ")}.`,
      details: { cached: cached.map(nameCached) },
      cause,
    },
  );
}

/** A cached revision as `model:` takes it. */
export function nameCached({ model, revision, refs }: CachedModel): string {
  return formatHubName({ id: model, revision: refs.includes("main") ? "main" : (refs[0] ?? revision) });
}
