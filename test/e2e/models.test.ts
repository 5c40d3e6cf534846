/** @file Models from a hub, as a user has them: by name on the command line and in a config, through cuts, kills and two processes at once. */

import { readdirSync, readFileSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type HubServer, sha256, startHub } from "../support/hub-server.js";
import { configText, golden, limbeck, makeWorkFolder, startLimbeck } from "../support/limbeck.js";

const large = Buffer.alloc(8_000_000, "weights of some size ");
const teacher = join(golden, "training/teacher");
let folder: Awaited<ReturnType<typeof makeWorkFolder>>;
let hub: HubServer;

beforeAll(async () => {
  folder = await makeWorkFolder();
  const names = readdirSync(teacher, { withFileTypes: true }).filter((entry) => entry.isFile());
  const files = Object.fromEntries(names.map(({ name }) => [name, readFileSync(join(teacher, name))]));
  hub = await startHub({
    "owner/teacher": { files },
    "owner/large": { files: { "config.json": "{}", "model.safetensors": large } },
  });
  vi.stubEnv("HF_ENDPOINT", hub.url).stubEnv("HF_TOKEN", undefined).stubEnv("HF_HUB_OFFLINE", undefined);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await hub.close();
  await folder.remove();
});

let cache: string;
let count = 0;
beforeEach(() => {
  cache = join(folder.path, `cache-${++count}`);
  vi.stubEnv("HF_HUB_CACHE", cache);
  hub.fault = () => undefined;
  (hub.requests as unknown[]).length = 0;
});

const cwd = () => ({ cwd: folder.path });
const blobs = () => join(cache, "models--owner--large/blobs");

describe("a model on the hub", () => {
  it("scores as the same model in a folder, and without a network from then on", async () => {
    const words = ["--ids", "5,6,7,8", "--json"];
    const byName = await limbeck(["score", "owner/teacher", ...words], cwd());
    expect(byName.code, byName.stderr).toBe(0);
    expect(byName.stderr).toContain("downloading owner/teacher: ");
    const byPath = await limbeck(["score", teacher, ...words], cwd());
    expect(JSON.parse(byName.stdout)).toEqual({ ...JSON.parse(byPath.stdout), model: "owner/teacher" });
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    const offline = await limbeck(["score", "owner/teacher", ...words], cwd());
    expect(offline).toEqual({ ...byName, stderr: "" });
    vi.stubEnv("HF_HUB_OFFLINE", undefined);
  });

  it("teaches by its name in a config", async () => {
    await writeFile(
      join(folder.path, "run.yaml"),
      configText({ teacher: { model: "owner/teacher" }, training: { epochs: undefined, steps: 2 }, output: "taught" }),
    );
    const check = await limbeck(["check", "run.yaml"], cwd());
    expect(check.code, check.stderr).toBe(0);
    const run = await limbeck(["run", "run.yaml"], cwd());
    expect(run.code, run.stderr).toBe(0);
    const report = JSON.parse(await readFile(join(folder.path, "taught/report.json"), "utf8"));
    expect(report.models[0]).toMatchObject({ role: "teacher", name: "teacher" });
  });
});

describe("limbeck models", () => {
  it("gets a model through connections that break, and lists it", async () => {
    const served = () => hub.requests.filter(({ isFileServer }) => isFileServer).length;
    hub.fault = ({ isFileServer }) => (isFileServer && served() < 3 ? { cutAfter: 2_000_000 } : undefined);
    const got = await limbeck(["models", "get", "owner/large"], cwd());
    expect(got.code, got.stderr).toBe(0);
    const path = got.stdout.trimEnd();
    expect(sha256(await readFile(join(path, "model.safetensors")))).toBe(sha256(large));
    const list = await limbeck(["models", "list", "--json"], cwd());
    expect(JSON.parse(list.stdout).models).toContainEqual(
      expect.objectContaining({ model: "owner/large", contents: "model", path, bytes: large.length + 2 }),
    );
    expect((await limbeck(["models", "list"], cwd())).stdout).toContain("owner/large  main (01234567)  8.00 MB\n");
  });

  it("goes on after a kill, and never shows a part as a model", async () => {
    hub.fault = ({ isFileServer }) => (isFileServer ? { delayMs: 30 } : undefined);
    const killed = startLimbeck(["models", "get", "owner/large"], cwd());
    const part = join(blobs(), `${sha256(large)}.limbeck-part`);
    await vi.waitFor(async () => expect((await readFile(part)).length).toBeGreaterThan(1_000_000), { timeout: 20_000 });
    killed.process.kill("SIGKILL");
    await killed.ended;
    expect(await readdir(join(cache, "models--owner--large"))).toEqual(["blobs"]);
    hub.fault = () => undefined;
    (hub.requests as unknown[]).length = 0;
    const got = await limbeck(["models", "get", "owner/large"], cwd());
    expect(got.code, got.stderr).toBe(0);
    expect(Number(hub.requests.at(-1)?.range?.match(/\d+/)?.[0])).toBeGreaterThan(1_000_000);
    expect(sha256(await readFile(join(got.stdout.trimEnd(), "model.safetensors")))).toBe(sha256(large));
  });

  it("stops on Ctrl-C with what had arrived, and downloads once for two processes at once", async () => {
    hub.fault = ({ isFileServer }) => (isFileServer ? { delayMs: 10 } : undefined);
    const stopped = startLimbeck(["models", "get", "owner/large"], cwd());
    const part = join(blobs(), `${sha256(large)}.limbeck-part`);
    await vi.waitFor(async () => expect((await readFile(part)).length).toBeGreaterThan(0), { timeout: 20_000 });
    stopped.process.kill("SIGINT");
    expect(await stopped.ended).toMatchObject({ code: 130, stderr: expect.stringContaining("error[INTERRUPTED]") });
    (hub.requests as unknown[]).length = 0;
    const both = await Promise.all([1, 2].map(() => limbeck(["models", "get", "owner/large"], cwd())));
    for (const { code, stderr } of both) expect(code, stderr).toBe(0);
    expect(both[0]?.stdout).toBe(both[1]?.stdout);
    expect(hub.requests.filter(({ isFileServer }) => isFileServer)).toHaveLength(1);
    expect(await readdir(blobs())).toHaveLength(2);
  });
});
