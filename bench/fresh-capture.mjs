/** @file An empty capture for random documents, of a teacher that nobody knows. */

import { codecOf, describeDocuments, makeCapture, planBlocks } from "../dist/signals/cache/index.js";
import { cacheSchema } from "../dist/signals/cache/options.js";

/** Makes it in a folder. `store` is as in a config's `cache.store`. Returns it with the form that a reader sees. */
export async function makeFreshCapture(folder, documents, store, { hiddenSize, vocabSize }) {
  const { tail, ...kept } = cacheSchema.parse({ store }).store;
  const isHidden = kept.kind === "hidden";
  const stored = { ...kept, ...(isHidden ? { hiddenSize } : { temperatures: [1] }), headWidth: vocabSize };
  const capture = await makeCapture(folder, {
    limbeckCapture: 1,
    teacher: { name: "random", fingerprint: "random", precision: "float32", tokenizer: null },
    data: describeDocuments(documents),
    stored,
    blocks: planBlocks(documents).blocks,
    createdBy: "bench",
  });
  const { form } = codecOf(stored);
  return { capture, form: isHidden ? form : { ...form, tail } };
}
