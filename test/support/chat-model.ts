/** @file A tiny random model that answers conversations: the golden ChatML tokenizer and its template, and weights of a seed. */

import { makeFreshStudent } from "../../src/students/fresh-student.js";
import { writeModelFolder } from "../../src/weights/write-model-folder.js";
import { golden } from "./limbeck.js";

/**
 * Writes the model into a new folder.
 *
 * @param scale - multiplies its weights: large ones make it sure of what it says, and it says much; with small ones it learns.
 */
export async function writeChatModel(folder: string, scale = 8): Promise<void> {
  const model = makeFreshStudent(
    {
      modelType: "llama",
      layers: 2,
      hiddenSize: 32,
      heads: 4,
      keyValueHeads: 2,
      feedForwardSize: 64,
      tieEmbeddings: false,
      maxPositions: 2048,
      ropeTheta: 10_000,
      normEpsilon: 1e-5,
      vocabSize: 321,
    },
    5,
  );
  const tensors = [...model.weights].map(([name, { dims, data }]) => ({
    name,
    shape: dims,
    data: (data as Float32Array).map((value) => scale * value),
  }));
  const { config } = model;
  await writeModelFolder(folder, { config, tensors, dtype: "float32", copyFrom: `${golden}tokenizers/chatml` });
}
