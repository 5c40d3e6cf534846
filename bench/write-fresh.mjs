/** @file Writes a model of random weights: `node bench/write-fresh.mjs FOLDER SHAPE-AS-JSON` makes FOLDER/teacher. */

import { join } from "node:path";
import { makeFreshStudent } from "../dist/students/fresh-student.js";
import { writeModelFolder } from "../dist/weights/index.js";

const [folder, shape] = process.argv.slice(2);
const { config, weights } = makeFreshStudent(JSON.parse(shape), 1);
const tensors = [...weights].map(([name, { dims, data }]) => ({ name, shape: dims, data }));
await writeModelFolder(join(folder, "teacher"), { config, tensors, dtype: "float32" });
