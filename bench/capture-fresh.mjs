/**
 * @file Captures what a model of random weights says of random documents: `node bench/capture-fresh.mjs FOLDER OPTIONS-AS-JSON` makes
 * a capture in FOLDER and prints its path and the form of its signals. Options: the teacher's `shape`, `store`, `documents`, `threads`.
 */

import { makeFreshStudent } from "../dist/students/fresh-student.js";
import { captureSignals } from "../dist/teachers/capture-signals.js";
import { makeLocalTeacher } from "../dist/teachers/local-teacher.js";
import { makeSparseTeacher } from "../dist/teachers/sparse-teacher.js";
import { makeFreshCapture } from "./fresh-capture.mjs";
import { randomDocuments } from "./random-documents.mjs";

const [folder, options] = process.argv.slice(2);
const { shape, store, documents: wanted, threads } = JSON.parse(options);
const documents = randomDocuments(wanted);
const { capture, form } = await makeFreshCapture(folder, documents, store, shape);
await captureSignals(capture, documents, {
  open: async (positionCount) => {
    const local = await makeLocalTeacher(makeFreshStudent(shape, 1), { positionCount, threads });
    return form.kind === "hidden" ? local : makeSparseTeacher(local, capture.description.stored, threads);
  },
});
process.stdout.write(JSON.stringify({ path: capture.path, form }));
