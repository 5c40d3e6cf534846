/**
 * @file Captures what a model of random weights says of random documents: `node bench/capture-fresh.mjs FOLDER OPTIONS-AS-JSON` makes
 * a capture in FOLDER and prints its folder and the form of its signals. Options: `shape` of the teacher, `store`, `documents`, `threads`.
 */

import { codecOf, fingerprintKeys, makeCapture, planBlocks } from "../dist/signals/cache/index.js";
import { cacheSchema } from "../dist/signals/cache/options.js";
import { makeFreshStudent } from "../dist/students/fresh-student.js";
import { captureSignals } from "../dist/teachers/capture-signals.js";
import { makeLocalTeacher } from "../dist/teachers/local-teacher.js";
import { makeSparseTeacher } from "../dist/teachers/sparse-teacher.js";
import { randomDocuments } from "./random-documents.mjs";

const [folder, options] = process.argv.slice(2);
const { shape, store, documents: wanted, threads } = JSON.parse(options);
const documents = randomDocuments(wanted);
const { tail, ...kept } = cacheSchema.parse({ store }).store;
const stored =
  kept.kind === "hidden"
    ? { ...kept, hiddenSize: shape.hiddenSize, headWidth: shape.vocabSize }
    : { ...kept, temperatures: [1], headWidth: shape.vocabSize };
const capture = await makeCapture(folder, {
  limbeckCapture: 1,
  teacher: { name: "random", fingerprint: "random", precision: "float32", tokenizer: null },
  data: {
    fingerprint: fingerprintKeys(documents),
    documents: documents.length,
    rows: documents.reduce((sum, { responseTokens }) => sum + responseTokens, 0),
  },
  stored,
  blocks: planBlocks(documents).blocks,
  createdBy: "bench",
});
await captureSignals(capture, documents, {
  open: async (positionCount) => {
    const local = await makeLocalTeacher(makeFreshStudent(shape, 1), { positionCount, threads });
    return stored.kind === "hidden" ? local : makeSparseTeacher(local, stored, threads);
  },
});
const { form } = codecOf(stored);
process.stdout.write(JSON.stringify({ path: capture.path, form: tail ? { ...form, tail } : form }));
