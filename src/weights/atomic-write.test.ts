/** @file Writes that are complete or not there at all, on a real file system and a device that is always full. */

import { chmod, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isTemporaryName, writeFileAtomically, writeFolderAtomically } from "./atomic-write.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "limbeck-atomic-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Linux's device on which every write fails as on a full disk. */
const hasFullDevice = process.platform === "linux";

async function fillDisk(): Promise<void> {
  const full = await open("/dev/full", "w");
  try {
    await full.write("x");
  } finally {
    await full.close();
  }
}

describe("writeFileAtomically", () => {
  it("writes a file, making its parent folders", async () => {
    const path = join(folder, "a", "b", "file.txt");
    await writeFileAtomically(path, async (file) => file.writeFile("new"));
    expect(await readFile(path, "utf8")).toBe("new");
    expect(await readdir(join(folder, "a", "b"))).toEqual(["file.txt"]);
  });

  it("shows the old content until the new is complete", async () => {
    const path = join(folder, "file.txt");
    await writeFile(path, "old");
    await writeFileAtomically(path, async (file) => {
      await file.writeFile("new");
      expect(await readFile(path, "utf8")).toBe("old");
      expect((await readdir(folder)).filter(isTemporaryName)).toHaveLength(1);
    });
    expect(await readFile(path, "utf8")).toBe("new");
  });

  it.runIf(hasFullDevice)("explains a full disk, keeps the old file and removes the unfinished one", async () => {
    const path = join(folder, "file.txt");
    await writeFile(path, "old");
    await expect(writeFileAtomically(path, fillDisk)).rejects.toMatchObject({
      code: "FILE",
      message: `"${path}": could not be written, got a full disk (ENOSPC).`,
      hint: "Free some space, or write to another disk.",
      details: { path, code: "ENOSPC" },
    });
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(folder)).toEqual(["file.txt"]);
  });

  it("passes other errors through unchanged", async () => {
    const failure = new Error("stopped");
    await expect(writeFileAtomically(join(folder, "file.txt"), () => Promise.reject(failure))).rejects.toBe(failure);
    expect(await readdir(folder)).toEqual([]);
  });

  it("explains a parent that is a file", async () => {
    await writeFile(join(folder, "file"), "");
    const path = join(folder, "file", "inside");
    await expect(writeFileAtomically(path, async () => undefined)).rejects.toMatchObject({ code: "FILE" });
  });
});

describe("writeFolderAtomically", () => {
  const fill = (content: string) => async (temporary: string) => {
    await mkdir(join(temporary, "nested"));
    await writeFile(join(temporary, "nested", "file.txt"), content);
  };
  const readBack = (path: string) => readFile(join(path, "nested", "file.txt"), "utf8");

  it("writes a folder with nested folders, making its parents", async () => {
    const path = join(folder, "runs", "student");
    await writeFolderAtomically(path, fill("new"));
    expect(await readBack(path)).toBe("new");
    expect(await readdir(join(folder, "runs"))).toEqual(["student"]);
  });

  it("takes an empty folder that is already there", async () => {
    const path = join(folder, "student");
    await mkdir(path);
    await writeFolderAtomically(path, fill("new"));
    expect(await readBack(path)).toBe("new");
  });

  it("refuses a folder that holds files, and does not begin", async () => {
    const path = join(folder, "student");
    await writeFolderAtomically(path, fill("old"));
    let began = false;
    const write = writeFolderAtomically(path, async () => {
      began = true;
    });
    await expect(write).rejects.toMatchObject({
      code: "FILE",
      message: expect.stringContaining("got one that holds files"),
    });
    expect(began).toBe(false);
    expect(await readBack(path)).toBe("old");
  });

  it("refuses a path that is a file", async () => {
    const path = join(folder, "student");
    await writeFile(path, "old");
    await expect(writeFolderAtomically(path, fill("new"), { replace: true })).rejects.toMatchObject({ code: "FILE" });
    expect(await readFile(path, "utf8")).toBe("old");
  });

  it("replaces the whole folder when told to", async () => {
    const path = join(folder, "student");
    await writeFolderAtomically(path, fill("old"));
    await writeFile(join(path, "left-over.txt"), "");
    await writeFolderAtomically(path, fill("new"), { replace: true });
    expect(await readBack(path)).toBe("new");
    expect(await readdir(path)).toEqual(["nested"]);
    expect(await readdir(folder)).toEqual(["student"]);
  });

  it.runIf(hasFullDevice)(
    "names the folder, not its temporary name, when a nested write finds the disk full",
    async () => {
      const path = join(folder, "student");
      await writeFolderAtomically(path, fill("old"));
      const write = writeFolderAtomically(path, (temporary) => writeFileAtomically(join(temporary, "a"), fillDisk), {
        replace: true,
      });
      await expect(write).rejects.toThrow(`"${path}": could not be written, got a full disk (ENOSPC).`);
      expect(await readBack(path)).toBe("old");
      expect(await readdir(folder)).toEqual(["student"]);
    },
  );

  it.runIf(process.getuid?.() !== 0)("explains a folder that may not be written", async () => {
    await chmod(folder, 0o500);
    await expect(writeFolderAtomically(join(folder, "student"), fill("new"))).rejects.toThrow(/no permission/);
    await chmod(folder, 0o700);
  });
});
