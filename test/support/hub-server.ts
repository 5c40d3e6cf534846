/**
 * @file A server that speaks the Hugging Face hub's API as far as downloads need it, with the faults of real networks: what
 * models and files there are, and the files themselves, large ones through a redirect to a file server of another origin.
 */

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface HubModel {
  /** Contents by path. Those of `.safetensors` and `.gguf` files are kept as large files. */
  readonly files: Readonly<Record<string, Buffer | string>>;
  /** Commits by branch or tag; `main` unless given. */
  readonly revisions?: Readonly<Record<string, string>>;
  /** Files are only for this token. */
  readonly gatedFor?: string;
  /** The model is only there for this token. */
  readonly privateFor?: string;
}

/** What goes wrong with an answer. */
export interface Fault {
  /** Answered instead, without a body. */
  readonly status?: number;
  /** The connection breaks after so many bytes of the body. */
  readonly cutAfter?: number;
  /** After so many bytes nothing follows. */
  readonly silentAfter?: number;
  /** The bytes that are sent, instead of the file's. */
  readonly body?: Buffer;
  /** Milliseconds between two pieces of 64 kB. */
  readonly delayMs?: number;
  /** Answer with the whole file, whatever range is asked for. */
  readonly ignoreRange?: boolean;
}

export interface HubRequest {
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
  /** Asked of the file server, not of the hub. */
  readonly isFileServer: boolean;
}

export interface HubServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly HubRequest[];
  /** Called for every request; later answers of a list are for later requests of the same path. */
  fault: (request: HubRequest) => Fault | undefined;
  models: Readonly<Record<string, HubModel>>;
  close(): Promise<void>;
}

export const commitOfMain = "0123456789abcdef0123456789abcdef01234567";

export function gitBlob(content: Buffer): string {
  return createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
}

export function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Starts it on free ports of this machine. */
export async function startHub(models: Readonly<Record<string, HubModel>>): Promise<HubServer> {
  const requests: HubRequest[] = [];
  const blobs = new Map<string, Buffer>();
  const note = (request: IncomingMessage, isFileServer: boolean): HubRequest => {
    const { method = "", url = "", headers } = request;
    const noted = { method, path: url, range: headers.range, authorization: headers.authorization, isFileServer };
    requests.push(noted);
    return noted;
  };
  const files = createServer((request, response) => {
    const noted = note(request, true);
    const content = blobs.get(noted.path.split("?")[0]!.slice(1))!;
    void send(noted, response, content, hub.fault(noted));
  });
  const api = createServer((request, response) => {
    const noted = note(request, false);
    void answer(noted, response, hub.fault(noted));
  });
  const answer = async (request: HubRequest, response: ServerResponse, fault: Fault | undefined): Promise<void> => {
    if (fault?.status !== undefined) return refuse(response, fault.status);
    const [, , id, kind, rest = ""] =
      /^(\/api\/models)?\/([^/]+\/[^/?]+)\/(revision|tree|resolve)\/([^?]*)/.exec(request.path) ?? [];
    const model = id === undefined ? undefined : hub.models[id];
    const token = request.authorization?.replace("Bearer ", "");
    if (model === undefined || (model.privateFor !== undefined && token !== model.privateFor)) {
      return refuse(response, token === undefined ? 401 : 404, "RepoNotFound");
    }
    const revisions = { main: commitOfMain, ...model.revisions };
    const named = Object.entries(revisions)
      .flat()
      .sort((a, b) => b.length - a.length);
    const path = decodeURIComponent(rest);
    const revision = named.find((name) => path === name || path.startsWith(`${name}/`));
    if (revision === undefined) return refuse(response, 404, "RevisionNotFound");
    const commit = (revisions as Readonly<Record<string, string>>)[revision] ?? revision;
    const within = path.slice(revision.length + 1);
    if (kind === "revision") {
      const siblings = Object.keys(model.files).map((rfilename) => ({ rfilename }));
      const gated = model.gatedFor === undefined ? false : "auto";
      return sendJson(response, { _id: id, id, modelId: id, private: false, gated, sha: commit, siblings, tags: [] });
    }
    if (kind === "tree") return sendJson(response, listTree(model, within));
    if (model.gatedFor !== undefined && token !== model.gatedFor) {
      return refuse(response, token === undefined ? 401 : 403, "GatedRepo");
    }
    const content = contentOf(model, within);
    if (content === undefined) return refuse(response, 404, "EntryNotFound");
    response.setHeader("X-Repo-Commit", commit);
    if (!isLarge(within)) {
      response.setHeader("ETag", `"${gitBlob(content)}"`);
      return send(request, response, content, fault);
    }
    blobs.set(sha256(content), content);
    response.setHeader("X-Linked-ETag", `"${sha256(content)}"`);
    response.setHeader("X-Linked-Size", content.length);
    response.setHeader("Location", `http://127.0.0.1:${portOf(files)}/${sha256(content)}?signature=secret`);
    response.writeHead(302).end();
  };
  await Promise.all([files, api].map((server) => new Promise<void>((done) => server.listen(0, "127.0.0.1", done))));
  const close = async (): Promise<void> => {
    for (const server of [files, api]) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  };
  const hub: HubServer = {
    url: `http://127.0.0.1:${portOf(api)}`,
    requests,
    models,
    fault: () => undefined,
    close,
    [Symbol.asyncDispose]: close,
  };
  return hub;
}

/** Sends a file or a range of it, with its fault. */
async function send(
  { method, range }: HubRequest,
  response: ServerResponse,
  content: Buffer,
  fault: Fault = {},
): Promise<void> {
  if (fault.status !== undefined) return refuse(response, fault.status);
  const start = fault.ignoreRange ? 0 : Number(/^bytes=(\d+)-/.exec(range ?? "")?.[1] ?? 0);
  const body = (fault.body ?? content).subarray(start);
  response.setHeader("Content-Length", body.length);
  response.setHeader("Accept-Ranges", "bytes");
  if (range !== undefined && !fault.ignoreRange) {
    response.setHeader("Content-Range", `bytes ${start}-${content.length - 1}/${content.length}`);
    response.statusCode = 206;
  }
  if (method === "HEAD") {
    response.end();
    return;
  }
  const { cutAfter, silentAfter, delayMs = 0 } = fault;
  const sent = body.subarray(0, cutAfter ?? silentAfter);
  for (let at = 0; at < sent.length; at += 65_536) {
    await new Promise((done) => response.write(sent.subarray(at, at + 65_536), done));
    if (delayMs > 0) await new Promise((done) => setTimeout(done, delayMs));
  }
  if (cutAfter !== undefined) response.destroy();
  else if (silentAfter === undefined) response.end();
}

function listTree(model: HubModel, folder: string): unknown[] {
  const prefix = folder === "" ? "" : `${folder}/`;
  const paths = Object.keys(model.files).filter((path) => path.startsWith(prefix));
  return paths.map((path) => {
    const [name, ...deeper] = path.slice(prefix.length).split("/");
    if (deeper.length > 0) return { type: "directory", path: prefix + name, size: 0, oid: "0".repeat(40) };
    const content = contentOf(model, path)!;
    const oid = gitBlob(content);
    if (!isLarge(path)) return { type: "file", path, size: content.length, oid };
    const lfs = { oid: sha256(content), size: content.length, pointerSize: 134 };
    return { type: "file", path, size: content.length, oid, lfs, xetHash: sha256(Buffer.from(path)) };
  });
}

function contentOf({ files }: HubModel, path: string): Buffer | undefined {
  const content = files[path];
  return content === undefined ? undefined : Buffer.from(content);
}

function isLarge(path: string): boolean {
  return /\.(safetensors|gguf)$/.test(path);
}

function sendJson(response: ServerResponse, value: unknown): void {
  response.setHeader("Content-Type", "application/json").end(JSON.stringify(value));
}

function refuse(response: ServerResponse, status: number, reason?: string): void {
  if (reason !== undefined) response.setHeader("X-Error-Code", reason);
  response.writeHead(status).end();
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
