import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { commitOfMain, type HubServer, sha256, startHub } from "../../../test/support/hub-server.js";
import { downloadFile, type RemoteFile } from "./download-file.js";

/** 1 MB without a pattern. */
const content = Buffer.concat(
  Array.from({ length: 32_768 }, (_, i) => createHash("sha256").update(String(i)).digest()),
);
let folder: string;
let hub: HubServer;
let file: RemoteFile;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "limbeck-download-"));
  hub = await startHub({ "owner/name": { files: { "model.safetensors": content } } });
  const url = `${hub.url}/owner/name/resolve/${commitOfMain}/model.safetensors`;
  file = { url, bytes: content.length, checksum: { kind: "sha256", value: sha256(content) } };
});
afterAll(async () => {
  await hub.close();
  await rm(folder, { recursive: true });
});
afterEach(() => {
  hub.fault = () => undefined;
  (hub.requests as unknown[]).length = 0;
});

let count = 0;
const fresh = (): string => join(folder, `file-${++count}`);
const served = () => hub.requests.filter(({ isFileServer }) => isFileServer);
const options = { timeoutMs: 10_000 };

async function expectWhole(path: string): Promise<void> {
  expect(sha256(await readFile(path))).toBe(sha256(content));
}

describe("downloadFile", () => {
  it("writes the file, tells how far it is, and leaves nothing else", async () => {
    const path = fresh();
    const bytes: number[] = [];
    await downloadFile(path, file, { ...options, onBytes: (done) => bytes.push(done) });
    await expectWhole(path);
    expect(bytes.at(-1)).toBe(content.length);
    expect(bytes).toEqual(bytes.toSorted((a, b) => a - b));
    expect((await readdir(folder)).filter((name) => name.startsWith(`file-${count}.`))).toEqual([]);
  });

  it("goes on where the connection broke, as often as it breaks", async () => {
    const path = fresh();
    hub.fault = ({ isFileServer }) => (isFileServer && served().length < 4 ? { cutAfter: 200_000 } : undefined);
    await downloadFile(path, file, options);
    await expectWhole(path);
    const starts = served().map(({ range }) => Number(range?.match(/\d+/)?.[0] ?? 0));
    expect(starts).toHaveLength(4);
    expect(starts[0]).toBe(0);
    expect(Math.min(...starts.slice(1))).toBeGreaterThan(0);
  });

  it("goes on where an earlier call stopped", async () => {
    const path = fresh();
    await writeFile(`${path}.limbeck-part`, content.subarray(0, 700_001));
    await downloadFile(path, file, options);
    await expectWhole(path);
    expect(served().map(({ range }) => range)).toEqual(["bytes=700001-"]);
  });

  it("starts again where the server sends the whole file", async () => {
    const path = fresh();
    await writeFile(`${path}.limbeck-part`, content.subarray(0, 700_001));
    hub.fault = () => ({ ignoreRange: true });
    await downloadFile(path, file, options);
    await expectWhole(path);
  });

  it("tries again after a busy server's answer, and after silence", async () => {
    const path = fresh();
    hub.fault = ({ isFileServer }) => {
      if (!isFileServer) return undefined;
      return [{ status: 500 }, { status: 429 }, { silentAfter: 300_000 }][served().length - 1];
    };
    await downloadFile(path, file, { timeoutMs: 300 });
    await expectWhole(path);
    expect(served().at(-1)?.range).toBe("bytes=300000-");
  });

  it("gives up on a server that does not recover, and keeps what had arrived", async () => {
    const path = fresh();
    hub.fault = ({ isFileServer }) =>
      isFileServer ? (served().length === 1 ? { cutAfter: 400_000 } : { cutAfter: 0 }) : undefined;
    await expect(downloadFile(path, file, options)).rejects.toThrow(/model\.safetensors: /);
    await expect(stat(path)).rejects.toThrow("ENOENT");
    expect((await stat(`${path}.limbeck-part`)).size).toBeGreaterThan(0);
  });

  it.each([
    ["other bytes", Buffer.from(content).fill(0, 5000, 5001)],
    ["fewer bytes", content.subarray(0, 1000)],
    ["more bytes", Buffer.concat([Buffer.of(1), content])],
  ])("names the wrong checksum of %s and removes them", async (kind, body) => {
    const path = fresh();
    hub.fault = ({ isFileServer }) => (isFileServer ? { body } : undefined);
    const result = expect(downloadFile(path, file, options)).rejects;
    // Fewer bytes are a connection that breaks, until it is clear that no more come.
    if (kind === "fewer bytes") return result.toThrow(/ended after 1000 of 1048576 bytes|asked for/);
    await result.toMatchObject({ code: "CHECKSUM", message: expect.stringContaining(sha256(content)) });
    expect((await readdir(folder)).filter((name) => name.startsWith(`file-${count}`))).toEqual([]);
  });

  it("stops when its signal is aborted, and keeps what had arrived", async () => {
    const path = fresh();
    const controller = new AbortController();
    hub.fault = ({ isFileServer }) => (isFileServer ? { delayMs: 20 } : undefined);
    const onBytes = (bytes: number): void => {
      if (bytes > 300_000) controller.abort();
    };
    await expect(downloadFile(path, file, { ...options, signal: controller.signal, onBytes })).rejects.toThrow(/abort/);
    expect((await stat(`${path}.limbeck-part`)).size).toBeGreaterThan(300_000);
  });

  it("downloads once where two ask at the same time", async () => {
    const path = fresh();
    hub.fault = ({ isFileServer }) => (isFileServer ? { delayMs: 10 } : undefined);
    let waits = 0;
    const get = () => downloadFile(path, file, { ...options, onWait: () => waits++ });
    await Promise.all([get(), get(), get()]);
    await expectWhole(path);
    expect(served()).toHaveLength(1);
    expect(waits).toBe(2);
  });

  it("takes over from a process that died", async () => {
    const path = fresh();
    await writeFile(`${path}.limbeck-part`, content.subarray(0, 1000));
    await writeFile(`${path}.limbeck-part.lock`, "");
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(`${path}.limbeck-part.lock`, longAgo, longAgo);
    await downloadFile(path, file, options);
    await expectWhole(path);
  });
});
