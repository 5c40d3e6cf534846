/** @file Where the hub and its cache are, by the environment variables that all Hugging Face tools share. */

import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { getHFHubCachePath } from "@huggingface/hub";

export interface HubSettings {
  /** Without a slash at its end. */
  readonly endpoint: string;
  /** The folder of `models--owner--name` folders. */
  readonly cacheFolder: string;
  readonly token: string | undefined;
  /** The network is not to be used. */
  readonly isOffline: boolean;
  /** How long nothing may arrive before a request is given up. */
  readonly timeoutMs: number;
}

/**
 * Reads `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN` or the token file that `hf auth login` writes,
 * `HF_HUB_OFFLINE` and `HF_HUB_DOWNLOAD_TIMEOUT` (seconds).
 */
export async function readHubSettings(): Promise<HubSettings> {
  const { HF_ENDPOINT, HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE, HF_HUB_DOWNLOAD_TIMEOUT } = process.env;
  return {
    endpoint: (HF_ENDPOINT || "https://huggingface.co").replace(/\/+$/, ""),
    cacheFolder: withHome(getHFHubCachePath()),
    token: await readToken(),
    isOffline: isOn(HF_HUB_OFFLINE) || isOn(TRANSFORMERS_OFFLINE),
    timeoutMs: 1000 * (Number(HF_HUB_DOWNLOAD_TIMEOUT) || 30),
  };
}

async function readToken(): Promise<string | undefined> {
  const { HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH, HF_HOME, XDG_CACHE_HOME } = process.env;
  const home = HF_HOME || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
  const file = withHome(HF_TOKEN_PATH || join(home, "token"));
  const token = HF_TOKEN || HUGGING_FACE_HUB_TOKEN || (await readFile(file, "utf8").catch(() => ""));
  return token.trim() || undefined;
}

function isOn(value: string | undefined): boolean {
  return /^(1|on|yes|true)$/i.test(value ?? "");
}

function withHome(path: string): string {
  return path.replace(/^~(?=$|\/)/, homedir());
}
