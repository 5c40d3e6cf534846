/** @file Every example runs, from a project in which limbeck is installed and, where that differs, from this repository. */

import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ScoreResult } from "../../src/evaluate/score.js";
import type { LossResult } from "../../src/losses/index.js";
import type { Report } from "../../src/report/report.js";
import { writeChatModel } from "../support/chat-model.js";
import { golden, limbeck, makeWorkFolder, repository } from "../support/limbeck.js";

let project: Awaited<ReturnType<typeof makeWorkFolder>>;
const at = (...parts: string[]) => join(project.path, ...parts);

/** A project with the built package in its node_modules, as `npm install` leaves it, and the golden models and rows. */
beforeAll(async () => {
  project = await makeWorkFolder();
  await mkdir(at("node_modules/limbeck"), { recursive: true });
  for (const part of ["package.json", "dist"]) {
    await cp(join(repository, part), at("node_modules/limbeck", part), { recursive: true });
  }
  for (const name of await readdir(join(repository, "node_modules"))) {
    if (!name.startsWith(".")) await symlink(join(repository, "node_modules", name), at("node_modules", name));
  }
  await cp(`${golden}training/teacher`, at("models/teacher"), { recursive: true });
  await cp(`${golden}training/student-llama`, at("models/student"), { recursive: true });
  await cp(`${golden}training/rows.jsonl`, at("rows.jsonl"));
  for (const name of await readdir(join(repository, "examples"))) {
    await cp(join(repository, "examples", name), project.path, { recursive: true });
    await cp(join(repository, "examples", name, "config.yaml"), at(`${name}.yaml`)).catch(() => undefined);
  }
});
afterAll(() => project.remove());

/** Runs the installed program, or a script, with node. */
async function node(...words: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: project.path });
  return stdout;
}
const installed = "node_modules/limbeck/dist/cli/main.js";

describe("examples/01-own-divergence", () => {
  const words = ["loss", "case.json", "--json", "--import"];

  it("is computed by limbeck loss, installed in a project", async () => {
    const { value, gradient } = JSON.parse(await node(installed, ...words, "total-variation.mjs")) as LossResult;
    expect(value).toBeCloseTo(0.25, 12);
    // With s = sign(q − p)/2, the gradient is q·(s − Σ q s).
    expect(gradient[0]!).toBeAllClose([0.25 * (-0.5 - 0.125), 0.25 * -0.125, 0.5 * (0.5 - 0.125)], { relative: 1e-9 });
  });

  it("is computed from this repository, where limbeck imports itself", async () => {
    const example = join(repository, "examples/01-own-divergence/total-variation.mjs");
    const { code, stdout, stderr } = await limbeck([...words, example], { cwd: project.path });
    expect(code, stderr).toBe(0);
    expect((JSON.parse(stdout) as LossResult).value).toBeCloseTo(0.25, 12);
  });

  it("trains a student", async () => {
    await node(installed, "run", "01-own-divergence.yaml", "--import", "total-variation.mjs");
    const lines = (await readFile(at("runs/total-variation/metrics.jsonl"), "utf8")).trimEnd().split("\n");
    const steps = lines.map((line) => JSON.parse(line)).filter(({ terms }) => terms !== undefined);
    expect(steps).toHaveLength(24);
    // τ² times a distance that is at most 1
    for (const { terms } of steps) expect(terms.soft).toBeLessThanOrEqual(4);
    expect(steps.at(-1).terms.soft).toBeLessThan(steps[0].terms.soft);
  });

  it("is unknown where it is not imported: the error lists what is", async () => {
    const { code, stderr } = await limbeck(["run", "01-own-divergence.yaml", "--output", "none"], {
      cwd: project.path,
    });
    expect(code).toBe(2);
    expect(stderr).toMatch(/objective\.soft\.divergence \(line 7\): expected "forward-kl", .*got "total-variation"/);
  });
});

describe("examples/02-score-in-a-service", () => {
  it("answers overlapping requests, while the event loop goes on", async () => {
    await writeFile(
      at("try-service.mjs"),
      `import { startService } from "./service.mjs";
      const service = await startService("models/teacher", 0);
      const ids = Array.from({ length: 60 }, (_, i) => 3 + (i * 31) % 90);
      let [last, longest] = [performance.now(), 0];
      const ticker = setInterval(() => {
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      }, 5);
      const ask = (body, signal) => fetch("http://localhost:" + service.port, { method: "POST", body, signal });
      const json = async (body) => (await ask(body)).json();
      const alone = await json(JSON.stringify({ ids }));
      const started = performance.now();
      const gone = new AbortController();
      const hungUp = ask(JSON.stringify({ ids }), gone.signal).catch((error) => error.name);
      setTimeout(() => gone.abort(), 20);
      const together = await Promise.all(Array.from({ length: 12 }, () => json(JSON.stringify({ ids }))));
      const seconds = (performance.now() - started) / 1000;
      clearInterval(ticker);
      const bad = await json('{"ids": [96]}');
      console.log(JSON.stringify({ alone, together, bad, hungUp: await hungUp, longest, seconds }));
      await service.close();`,
    );
    const { alone, together, bad, hungUp, longest, seconds } = JSON.parse(await node("try-service.mjs"));
    expect((alone as ScoreResult).tokens).toHaveLength(60);
    for (const result of together) expect(result).toEqual(alone);
    expect(hungUp).toBe("AbortError");
    expect(bad).toMatchObject({ code: "DATA", message: expect.stringContaining("0 to 95, got 96") });
    // The loop never waited for as long as the scoring took: each of the calls alone is longer than a tick.
    expect(longest / 1000).toBeLessThan(Math.max(0.25, seconds / 2));
  });
});

describe("examples/03-run-in-code", () => {
  it("distils, stops on abort, and goes on to the same student", async () => {
    await writeFile(
      at("try-distil.mjs"),
      `import { cp, readFile, rm } from "node:fs/promises";
      import { distil } from "./distil.mjs";
      const lines = [];
      const weights = () => readFile("runs/in-code/student/model.safetensors", "base64");
      const whole = await distil("03-run-in-code.yaml", { print: (line) => lines.push(line) });
      const expected = await weights();
      await rm("runs/in-code", { recursive: true });
      const stop = new AbortController();
      const print = (line) => line.includes("step 8") && stop.abort();
      const code = await distil("03-run-in-code.yaml", { signal: stop.signal, print }).catch((error) => error.code);
      const resumed = await distil("03-run-in-code.yaml", { resume: true, print: () => {} });
      console.log(JSON.stringify({ lines, code, whole, resumed, isSame: (await weights()) === expected }));`,
    );
    const { lines, code, whole, resumed, isSame } = JSON.parse(await node("try-distil.mjs"));
    // The teacher of the test has random weights.
    expect(lines[0]).toMatch(/^warning: The teacher is no better than a unigram/);
    expect(lines).toContainEqual(expect.stringMatching(/^student, step 0: KL \d/));
    expect(lines.at(-1)).toMatch(/^perplexity [\d.]+, in runs\/in-code\/student$/);
    expect(code).toBe("INTERRUPTED");
    expect(isSame).toBe(true);
    const perplexities = (report: Report) => report.models.map(({ perplexity }) => perplexity);
    expect(perplexities(resumed)).toEqual(perplexities(whole));
  });
});

describe("examples/04-chat-service", () => {
  it("streams overlapping answers, and stops writing for a client that has gone", async () => {
    await writeChatModel(at("models/chatty"));
    await writeFile(
      at("try-chat-service.mjs"),
      `import { serve } from "@hono/node-server";
      import { loadModel } from "limbeck";
      import { routes, startService } from "./chat-service.mjs";
      const service = await startService("models/chatty", 0);
      const ask = (port, body, signal) => fetch("http://localhost:" + port + "/generate", {
        method: "POST", body: JSON.stringify(body), signal,
      });
      const messages = [{ role: "user", content: "Hello" }];
      const text = async (body) => (await ask(service.port, body)).text();
      const alone = await text({ messages, maxTokens: 40 });
      const together = await Promise.all([1, 2, 3].map(() => text({ messages, maxTokens: 40 })));
      const short = await text({ messages, maxTokens: 5 });
      const bad = await ask(service.port, { messages, topK: 3 });
      const refusal = { status: bad.status, ...(await bad.json()) };
      await service.close();

      const model = await loadModel("models/chatty");
      let ended;
      const isOver = new Promise((resolve) => { ended = resolve; });
      const watched = { ...model, async *generate(options) {
        let pieces = 0;
        try { for await (const piece of model.generate(options)) { pieces++; yield piece; } }
        catch (error) { ended({ code: error.code, pieces }); throw error; }
        ended({ code: "none", pieces });
      } };
      const server = serve({ fetch: routes(watched).fetch, port: 0 });
      await new Promise((resolve) => server.once("listening", resolve));
      const gone = new AbortController();
      const response = await ask(server.address().port, { messages, maxTokens: 1900 }, gone.signal);
      const { value } = await response.body.getReader().read();
      gone.abort();
      const hungUp = await isOver;
      console.log(JSON.stringify({ alone, together, short, refusal, first: value.length, hungUp }));
      server.closeAllConnections();
      server.close();
      await model.dispose();`,
    );
    const { alone, together, short, refusal, first, hungUp } = JSON.parse(await node("try-chat-service.mjs"));
    expect(alone.startsWith(short)).toBe(true);
    expect(alone.length).toBeGreaterThan(short.length);
    expect(together).toEqual([alone, alone, alone]);
    expect(refusal).toMatchObject({ status: 400, code: "DATA", message: expect.stringContaining('"topK" needs') });
    expect(first).toBeGreaterThan(0);
    expect(hungUp.code).toBe("INTERRUPTED");
    expect(hungUp.pieces).toBeLessThan(1000);
  });
});

describe("examples", () => {
  it("each have a README, which names what is in the folder", async () => {
    for (const name of await readdir(join(repository, "examples"))) {
      const folder = new URL(`${pathToFileURL(join(repository, "examples", name)).href}/`);
      const readme = await readFile(new URL("README.md", folder), "utf8");
      const files = (await readdir(folder)).filter((file) => file !== "README.md");
      expect(files.filter((file) => !readme.includes(file))).toEqual([]);
    }
  });
});
