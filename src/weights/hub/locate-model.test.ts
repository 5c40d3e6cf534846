import { cp, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { commitOfMain, gitBlob, type HubServer, sha256, startHub } from "../../../test/support/hub-server.js";
import { listLocalModels } from "./list-local-models.js";
import { locateModel } from "./locate-model.js";
import type { LocateEvent } from "./locate-options.js";

const weights = Buffer.from("not really weights ".repeat(1000));
const oldCommit = "f".repeat(40);
const shards = { "model-00001-of-00002.safetensors": "one", "model-00002-of-00002.safetensors": "two" };
const index = JSON.stringify({
  weight_map: { a: Object.keys(shards)[0], b: Object.keys(shards)[1], c: Object.keys(shards)[0] },
});
const companions = { "config.json": "{}", "tokenizer.json": "{}", "tokenizer_config.json": "{ }", "merges.txt": "" };

const models = {
  "owner/whole": {
    revisions: { v1: oldCommit, "refs/pr/1": oldCommit },
    files: {
      ...companions,
      "model.safetensors": weights,
      "consolidated.safetensors": "the same weights again",
      "pytorch_model.bin": "the same weights again",
      "onnx/model.onnx": "the same weights again",
      "original/model.safetensors": "the same weights again",
      "README.md": "# Hello",
    },
  },
  "owner/sharded": {
    files: {
      ...companions,
      ...shards,
      "model.safetensors.index.json": index,
      "model-00009.safetensors": "not in the index",
    },
  },
  "owner/quantized": { files: { "README.md": "", "small.Q4_0.gguf": "GGUF small", "deep/large.gguf": "GGUF large" } },
  "owner/pickled": { files: { "config.json": "{}", "pytorch_model.bin": "pickle" } },
  "owner/broken": { files: { "config.json": "{}", "model.safetensors.index.json": index } },
  "owner/gated": { gatedFor: "hf_right", files: { ...companions, "model.safetensors": weights } },
  "owner/private": { privateFor: "secret", files: { ...companions, "model.safetensors": weights } },
};

let home: string;
let hub: HubServer;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "limbeck-hub-"));
  hub = await startHub(models);
  for (const name of ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"]) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv("HF_HUB_OFFLINE", undefined).stubEnv("TRANSFORMERS_OFFLINE", undefined);
  vi.stubEnv("HF_HOME", home).stubEnv("HF_ENDPOINT", `${hub.url}/`).stubEnv("LIMBECK_CACHE", join(home, "limbeck"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
  await rm(home, { recursive: true });
});

const repository = (name: string): string => join(home, "hub", `models--${name.replace("/", "--")}`);
const paths = () => hub.requests.map(({ path }) => path.replace(/\?.*/, ""));

describe("locateModel", () => {
  it("takes a path that exists, whatever it looks like", async () => {
    const folder = join(home, "owner", "whole");
    await mkdir(folder, { recursive: true });
    expect(await locateModel(folder)).toBe(folder);
    await writeFile(`${folder}.gguf`, "GGUF");
    expect(await locateModel(`${folder}.gguf`)).toBe(`${folder}.gguf`);
    expect(hub.requests).toEqual([]);
  });

  it("downloads what a model needs and nothing else, in the layout of the Hugging Face cache", async () => {
    const path = await locateModel("owner/whole");
    expect(path).toBe(join(repository("owner/whole"), "snapshots", commitOfMain));
    expect((await readdir(path)).sort()).toEqual([...Object.keys(companions), "model.safetensors"].sort());
    expect(await readFile(join(path, "model.safetensors"), "utf8")).toBe(weights.toString());
    expect(await readlink(join(path, "model.safetensors"))).toBe(`../../blobs/${sha256(weights)}`);
    expect(await readlink(join(path, "config.json"))).toBe(`../../blobs/${gitBlob(Buffer.from("{}"))}`);
    expect(await readFile(join(repository("owner/whole"), "refs/main"), "utf8")).toBe(commitOfMain);
    const blobs = await readdir(join(repository("owner/whole"), "blobs"));
    expect(blobs.filter((name) => name.includes("."))).toEqual([]);
  });

  it("tells how far it is, in bytes of all files", async () => {
    const events: LocateEvent[] = [];
    await locateModel("owner/whole", { onEvent: (event) => events.push(event) });
    const total = weights.length + Object.values(companions).join("").length - 2; // two files are the same blob
    expect(events.at(-1)).toEqual({
      type: "progress",
      task: "downloading owner/whole",
      done: total,
      total,
      unit: "bytes",
    });
  });

  it("asks once what main is, and downloads nothing again", async () => {
    await locateModel("owner/whole");
    const before = hub.requests.length;
    await locateModel("owner/whole");
    expect(paths().slice(before)).toEqual([
      "/api/models/owner/whole/revision/main",
      `/api/models/owner/whole/tree/${commitOfMain}`,
    ]);
  });

  it("takes a revision; a commit that is cached needs no network", async () => {
    const path = await locateModel("owner/whole@v1");
    expect(path).toBe(join(repository("owner/whole"), "snapshots", oldCommit));
    expect(await readFile(join(repository("owner/whole"), "refs/v1"), "utf8")).toBe(oldCommit);
    expect(await locateModel("owner/whole@refs/pr/1")).toBe(path);
    const before = hub.requests.length;
    expect(await locateModel(`owner/whole@${oldCommit}`)).toBe(path);
    expect(hub.requests.length).toBe(before);
  });

  it("downloads the shards that the index names", async () => {
    const path = await locateModel("owner/sharded");
    const names = await readdir(path);
    expect(names).toEqual(expect.arrayContaining([...Object.keys(shards), "model.safetensors.index.json"]));
    expect(names).not.toContain("model-00009.safetensors");
  });

  it("downloads a tokenizer without its model", async () => {
    const path = await locateModel("owner/whole", { need: "tokenizer" });
    expect((await readdir(path)).sort()).toEqual(Object.keys(companions).sort());
    expect((await listLocalModels()).map(({ contents }) => contents)).toEqual(["tokenizer"]);
    await locateModel("owner/whole");
    expect(await readdir(path)).toContain("model.safetensors");
  });

  it("downloads one GGUF file, also from a folder", async () => {
    const small = await locateModel("owner/quantized/small.Q4_0.gguf");
    expect(await readFile(small, "utf8")).toBe("GGUF small");
    const large = await locateModel("owner/quantized/deep/large.gguf@main");
    expect(await readFile(large, "utf8")).toBe("GGUF large");
    expect((await lstat(large)).isSymbolicLink()).toBe(true);
  });

  it("sends the token to the hub, and not to the server that it leads to", async () => {
    vi.stubEnv("HF_TOKEN", undefined);
    await writeFile(join(home, "token"), "secret\n");
    await locateModel("owner/private");
    for (const { isFileServer, authorization } of hub.requests) {
      expect(authorization).toBe(isFileServer ? undefined : "Bearer secret");
    }
    expect(hub.requests.some(({ isFileServer }) => isFileServer)).toBe(true);
  });

  it("leaves no snapshot where a file could not be had, and takes up what had arrived", async () => {
    hub.fault = ({ isFileServer }) => (isFileServer ? { status: 404 } : undefined);
    await expect(locateModel("owner/whole")).rejects.toMatchObject({ code: "MODEL" });
    await expect(stat(join(repository("owner/whole"), "snapshots"))).rejects.toThrow("ENOENT");
    await expect(stat(join(repository("owner/whole"), "refs"))).rejects.toThrow("ENOENT");
    hub.fault = () => undefined;
    const before = hub.requests.length;
    await locateModel("owner/whole");
    expect(paths().slice(before + 2)).toEqual([
      `/owner/whole/resolve/${commitOfMain}/model.safetensors`,
      `/${sha256(weights)}`,
    ]);
  });
});

describe("locateModel without a network", () => {
  it("takes what is cached, and says so", async () => {
    const path = await locateModel("owner/whole");
    await hub.close();
    const events: LocateEvent[] = [];
    expect(await locateModel("owner/whole", { onEvent: (event) => events.push(event) })).toBe(path);
    expect(events).toEqual([expect.objectContaining({ type: "warning", code: "model-from-cache" })]);
  });

  it("takes what is cached without asking where it is told to be offline", async () => {
    const path = await locateModel("owner/whole");
    const before = hub.requests.length;
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    expect(await locateModel("owner/whole")).toBe(path);
    await expect(locateModel("owner/sharded")).rejects.toMatchObject({
      code: "NETWORK",
      message: expect.stringContaining("limbeck is offline (HF_HUB_OFFLINE)"),
      hint: "Go online once, or use a cached model: owner/whole.",
    });
    expect(hub.requests.length).toBe(before);
  });

  it("does not take a model of which a shard is missing", async () => {
    const path = await locateModel("owner/sharded");
    await rm(join(path, Object.keys(shards)[0]!));
    await expect(locateModel("owner/sharded", { offline: true })).rejects.toMatchObject({ code: "NETWORK" });
    expect((await listLocalModels()).map(({ contents }) => contents)).toEqual(["tokenizer"]);
    await locateModel("owner/sharded");
    expect(await readdir(path)).toEqual(expect.arrayContaining(Object.keys(shards)));
  });

  it("says which models are cached, or that none is", async () => {
    await hub.close();
    await expect(locateModel("owner/whole")).rejects.toMatchObject({
      code: "NETWORK",
      message: expect.stringMatching(/^model: "owner\/whole" is no path here.*ECONNREFUSED/),
      hint: expect.stringContaining("No model is cached in"),
    });
  });
});

describe("locateModel refuses", () => {
  const refusal = async (model: string, code: string, ...texts: readonly RegExp[]): Promise<void> => {
    const error = await locateModel(model).then(
      () => undefined,
      (thrown: Error & { code: string; hint: string }) => thrown,
    );
    expect(error).toMatchObject({ code });
    for (const text of texts) expect(`${error?.message} ${error?.hint}`).toMatch(text);
  };

  it("a path that is not there, without asking the hub", async () => {
    await refusal("./owner/whole", "MODEL", /no such path/);
    await refusal("runs/mine/student", "MODEL", /must be a path, a model on the hub or a short name/);
    await refusal("https://huggingface.co/owner/whole", "MODEL", /Give the part owner\/name/);
    expect(hub.requests).toEqual([]);
  });

  it("a model that the hub does not have, and asks whether a folder was meant", async () => {
    await refusal("models/teacher", "MODEL", /no path here, and no public model/, /\.\/models\/teacher/);
    vi.stubEnv("HF_TOKEN", "hf_any");
    await refusal("models/teacher", "MODEL", /no path here/);
  });

  it("a revision that the model does not have", () =>
    refusal("owner/whole@v2", "MODEL", /got no revision "v2"/, /leave "@v2" out/));

  it("a gated model, and says how to log in", async () => {
    await refusal("owner/gated", "ACCESS", /Accept the terms at http.*\/owner\/gated/, /set HF_TOKEN to a token from/);
    vi.stubEnv("HF_TOKEN", "hf_wrong");
    await refusal("owner/gated", "ACCESS", /Accept the terms at/, /logged in as the owner of the token/);
    vi.stubEnv("HF_TOKEN", "hf_right");
    await locateModel("owner/gated");
  });

  it("a token that the hub does not know", async () => {
    vi.stubEnv("HF_TOKEN", "hf_wrong");
    hub.fault = () => ({ status: 401 });
    await refusal("owner/whole", "ACCESS", /must know the token/);
  });

  it("a model without safetensors, and says what is there", async () => {
    await refusal("owner/pickled", "MODEL", /got pytorch_model\.bin, config\.json/, /convert this one once/);
    await refusal("owner/quantized", "MODEL", /got small\.Q4_0\.gguf/, /model: owner\/quantized\/small\.Q4_0\.gguf/);
    await refusal("owner/quantized/other.gguf", "MODEL", /must have "other\.gguf", got small\.Q4_0\.gguf/);
    await refusal("owner/broken", "MODEL", /must have "model-00001-of-00002\.safetensors"/);
  });

  it("wrong bytes, by their checksum, and does not keep them", async () => {
    hub.fault = ({ isFileServer }) => (isFileServer ? { body: Buffer.alloc(weights.length) } : undefined);
    await refusal("owner/whole", "CHECKSUM", /SHA-256 must be/);
    expect(await readdir(join(repository("owner/whole"), "blobs"))).not.toContain(sha256(weights));
    hub.fault = ({ path }) => (path.endsWith("/tokenizer_config.json") ? { body: Buffer.from("[ ]") } : undefined);
    await refusal("owner/sharded", "CHECKSUM", /git's SHA-1 must be/);
  });

  it("an answer that is not the hub's", async () => {
    hub.fault = () => ({ status: 503 });
    await refusal("owner/whole", "NETWORK", /answered 503/);
  });

  it("to go on when it is interrupted", async () => {
    await expect(locateModel("owner/whole", { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
  });
});

describe("listLocalModels", () => {
  it("lists what is cached with its revisions, size and path", async () => {
    expect(await listLocalModels()).toEqual([]);
    const path = await locateModel("owner/whole");
    await locateModel("owner/quantized/small.Q4_0.gguf");
    const bytes = weights.length + Object.values(companions).join("").length;
    expect(await listLocalModels()).toEqual([
      expect.objectContaining({
        model: "owner/quantized/small.Q4_0.gguf",
        contents: "gguf",
        bytes: 10,
        refs: ["main"],
      }),
      { model: "owner/whole", revision: commitOfMain, refs: ["main"], contents: "model", bytes, path },
    ]);
  });

  it("takes a cache that was copied without its links", async () => {
    const path = await locateModel("owner/whole");
    await cp(path, `${path}.copy`, { recursive: true, dereference: true });
    await rm(join(repository("owner/whole"), "blobs"), { recursive: true });
    await rm(path, { recursive: true });
    await cp(`${path}.copy`, path, { recursive: true });
    const before = hub.requests.length;
    expect(await locateModel("owner/whole")).toBe(path);
    expect(hub.requests.length).toBe(before + 2);
  });
});
