/** A chat service: POST { messages } or { prompt } to http://localhost:8080/generate, and the text streams back as it is written. */

import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { stream } from "hono/streaming";
import { loadModel } from "limbeck";

/**
 * The routes of a model. Calls may overlap: they take turns in the model's worker, token by token, and the event loop stays free.
 * Who hangs up stops the work within a token.
 *
 * @param {import("limbeck").Model} model
 */
export function routes(model) {
  return new Hono()
    .get("/", (context) => context.json({ answersMessages: model.hasChatTemplate }))
    .post("/generate", async (context) => {
      const { messages, prompt, maxTokens = 256, ...sampling } = await context.req.json();
      const request = messages ? { messages } : { prompt };
      const text = model.generate({ ...request, ...sampling, maxTokens, signal: context.req.raw.signal });
      // The first piece decides between an answer and an error: after it the status is sent.
      let piece = await text.next();
      context.header("content-type", "text/plain; charset=utf-8");
      return stream(
        context,
        async (body) => {
          for (; !piece.done; piece = await text.next()) await body.write(piece.value);
        },
        async ({ code }, body) => {
          if (code !== "INTERRUPTED") await body.write(`\n[${code}]`);
        },
      );
    })
    .onError(({ code, message, hint }, context) => context.json({ code, message, hint }, 400));
}

/** @param {string} folder - the model's folder. */
export async function startService(folder, port = 8080) {
  const model = await loadModel(folder);
  const server = await new Promise((resolve) => {
    const started = serve({ fetch: routes(model).fetch, port }, () => resolve(started));
  });
  return {
    port: server.address().port,
    async close() {
      await new Promise((resolve) => server.close(resolve));
      await model.dispose();
    },
  };
}

if (import.meta.filename === process.argv[1]) await startService(process.argv[2]);
