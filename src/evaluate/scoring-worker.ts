/** @file The worker's entry of a loaded model: it scores here, so that a service's event loop stays free. */

import { serveWorker } from "../runtime/serve-worker.js";
import { openScorer, type ScoreRequest, type Scorer } from "./score.js";

let scorer: Scorer | undefined;

serveWorker({
  async open(folder) {
    scorer = await openScorer(folder as string);
  },
  async score(request) {
    return scorer!.score(request as ScoreRequest);
  },
});
