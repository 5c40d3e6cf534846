/** @file What `import … from "limbeck"` promises, checked against the shipped declarations. */

import {
  type computeLoss,
  defineDivergence,
  type LimbeckError,
  loadConfig,
  loadModel,
  type Model,
  type Report,
  type RunConfig,
  type RunEvent,
  runRecipe,
} from "limbeck";
import { type Equal, expectTrue } from "./expect-true.js";

const config: RunConfig = await loadConfig("mine.yaml", ["training.steps=50"]);
const result = await runRecipe(config, {
  signal: new AbortController().signal,
  onEvent: (event: RunEvent) => {
    if (event.type === "step") expectTrue<Equal<typeof event.loss, number>>();
  },
});
expectTrue<Equal<typeof result.report, Report>>();

const model: Model = await loadModel("runs/mine/student");
const { tokens, perplexity } = await model.score({ text: "x", topK: 3 });
expectTrue<Equal<typeof perplexity, number | null>>();
expectTrue<Equal<(typeof tokens)[number]["logProb"], number | null>>();
const text = model.generate({ messages: [{ role: "user", content: "x" }], maxTokens: 4, samplingTemperature: 0.5 });
for await (const piece of text) expectTrue<Equal<typeof piece, string>>();
// @ts-expect-error: temperature is what divides logits in a loss
model.generate({ prompt: "x", temperature: 1 });
await model.dispose();

const divergence = defineDivergence({ name: "mine", accepts: ["dense"], rows: ({ student }) => student.logProbs });
expectTrue<Equal<typeof divergence.name, string>>();
// @ts-expect-error: a divergence says which signals it accepts
defineDivergence({ name: "unsaid", rows: ({ student }: { student: never }) => student });

expectTrue<
  Equal<
    typeof computeLoss extends (...input: never[]) => Promise<infer R> ? keyof R : never,
    "value" | "terms" | "rows" | "gradient"
  >
>();
expectTrue<Equal<LimbeckError["code"], string>>();
