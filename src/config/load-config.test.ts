import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { loadConfig } from "./load-config.js";

const schemas = { tiny: z.strictObject({ recipe: z.literal("tiny"), steps: z.int().default(3) }) };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "limbeck-config-"));
  await writeFile(join(folder, "tiny.yaml"), "recipe: tiny\n");
  await mkdir(join(folder, "run"));
  await writeFile(join(folder, "run", "config.yaml"), "recipe: tiny\n");
});
afterAll(() => rm(folder, { recursive: true }));

describe("loadConfig", () => {
  it("reads a file and applies overrides", async () => {
    expect(await loadConfig(join(folder, "tiny.yaml"), schemas, ["steps=4"])).toEqual({ recipe: "tiny", steps: 4 });
  });

  it("names the file that was probably meant when there is none", async () => {
    await expect(loadConfig(join(folder, "tiny.yml"), schemas)).rejects.toMatchObject({
      code: "CONFIG",
      message: `config: there is no file "${join(folder, "tiny.yml")}".`,
      hint: `Pass ${join(folder, "tiny.yaml")}.`,
    });
  });

  it("names the config inside a folder", async () => {
    await expect(loadConfig(join(folder, "run"), schemas)).rejects.toMatchObject({
      message: `config: "${join(folder, "run")}" is a folder, expected a config file.`,
      hint: `Pass ${join(folder, "run", "config.yaml")}.`,
    });
  });
});
