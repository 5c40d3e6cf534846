import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../errors.js";
import { loadConfig, resolveConfig } from "./load-config.js";

const config = {
  recipe: "finetune",
  student: { model: "models/base" },
  data: { train: "train.jsonl" },
  training: { steps: 3 },
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "limbeck-config-"));
  await writeFile(join(folder, "tiny.yaml"), JSON.stringify(config));
  await mkdir(join(folder, "run"));
  await writeFile(join(folder, "run", "config.yaml"), JSON.stringify(config));
});
afterAll(() => rm(folder, { recursive: true }));

describe("loadConfig", () => {
  it("reads a file and applies overrides", async () => {
    expect(await loadConfig(join(folder, "tiny.yaml"), ["training.steps=4"])).toMatchObject({
      ...config,
      training: { steps: 4, learningRate: 3e-4 },
    });
  });

  it("names the file that was probably meant when there is none", async () => {
    await expect(loadConfig(join(folder, "tiny.yml"))).rejects.toMatchObject({
      code: "CONFIG",
      message: `config: there is no file "${join(folder, "tiny.yml")}".`,
      hint: `Pass ${join(folder, "tiny.yaml")}.`,
    });
  });

  it("names the config inside a folder", async () => {
    await expect(loadConfig(join(folder, "run"))).rejects.toMatchObject({
      message: `config: "${join(folder, "run")}" is a folder, expected a config file.`,
      hint: `Pass ${join(folder, "run", "config.yaml")}.`,
    });
  });
});

describe("resolveConfig", () => {
  it("fills in the defaults of a config made in code", () => {
    expect(resolveConfig(config)).toMatchObject({
      output: "runs/finetune",
      training: { steps: 3, tokensPerStep: 8192 },
    });
  });

  it("lists every problem", () => {
    expect(() => resolveConfig({ ...config, training: { step: 3 } })).toThrow(ConfigError);
    expect(() => resolveConfig(undefined)).toThrow(/expected keys and values/);
  });
});
