/** A web service that says how likely a model finds a text: POST it to http://localhost:8080. */

import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { loadModel } from "limbeck";

/**
 * Calls of `score` may overlap: the model runs them one after the other in a worker, and the event loop stays free. Who hangs up
 * is not waited for.
 *
 * @param {string} folder - the model's folder.
 */
export async function startService(folder, port = 8080) {
  const model = await loadModel(folder);
  const server = createServer(async (request, response) => {
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    try {
      const result = await model.score(JSON.parse(await text(request)), { signal: gone.signal });
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result));
    } catch (error) {
      response.writeHead(400, { "content-type": "application/json" });
      response.end(JSON.stringify({ code: error.code, message: error.message, hint: error.hint }));
    }
  });
  await new Promise((resolve) => server.listen(port, resolve));
  return {
    port: server.address().port,
    async close() {
      await new Promise((resolve) => server.close(resolve));
      await model.dispose();
    },
  };
}

if (import.meta.filename === process.argv[1]) await startService(process.argv[2]);
