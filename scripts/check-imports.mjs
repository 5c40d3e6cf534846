/**
 * @file Checks the one rule of structure: imports in `src/` point upwards, in the order of `floors`, and never in a
 * circle; `import type` counts too, but for circles within one folder: types vanish when the code is built. Only
 * `src/runtime` imports the engine. Tests may import any file of the project.
 *
 *     node scripts/check-imports.mjs [SOURCE-FOLDER]
 */

import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import process from "node:process";
import ts from "typescript";

/** Each entry of `src/` may import from itself and from those before it. */
const floors = [
  "errors.ts",
  "version.ts",
  "graph",
  "autodiff",
  "runtime",
  "models",
  "weights",
  "data",
  "signals",
  "losses",
  "generation",
  "teachers",
  "students",
  "evaluate",
  "writing",
  "training",
  "report",
  "export",
  "recipes",
  "config",
  "sweep",
  "cli",
  "index.ts",
];

/** @typedef {{ target: string, line: number, isType: boolean }} Import a file of the project, or a package's name */

/** @param {string} root @returns {Map<string, Import[]>} the imports of every file, by path relative to `root` */
function readImports(root) {
  const paths = readdirSync(root, { recursive: true, encoding: "utf8" }).map((path) => path.replaceAll("\\", "/"));
  const files = paths.filter((path) => path.endsWith(".ts")).sort();
  return new Map(files.map((file) => [file, importsOf(file, readFileSync(join(root, file), "utf8"))]));
}

/** @param {string} file @param {string} source @returns {Import[]} */
function importsOf(file, source) {
  return ts.preProcessFile(source).importedFiles.map(({ fileName, pos }) => ({
    target: fileName.startsWith(".") ? posix.join(posix.dirname(file), fileName).replace(/\.js$/, ".ts") : fileName,
    line: source.slice(0, pos).split("\n").length,
    isType: /\b(import|export) type\b[^;]*$/.test(source.slice(0, pos)),
  }));
}

/** @param {string} file */
const floorOf = (file) => floors.indexOf(file.split("/")[0]);

/** @param {Map<string, Import[]>} files @returns {string[]} one sentence per import that breaks a rule */
function findViolations(files) {
  const violations = [];
  for (const [file, imports] of files) {
    if (floorOf(file) < 0)
      violations.push(`${file}: expected one of the known folders; add it to floors in this script.`);
    for (const { target, line } of imports) {
      const where = `${file}:${line}`;
      if (target.startsWith("onnxruntime") && !file.startsWith("runtime/")) {
        violations.push(`${where}: only src/runtime imports the engine, got "${target}".`);
      }
      if (!target.endsWith(".ts") || file.endsWith(".test.ts")) continue;
      if (!files.has(target)) violations.push(`${where}: expected a file of src, got "${target}".`);
      else if (floorOf(target) > floorOf(file)) {
        violations.push(`${where}: imports point upwards, got "${target}", which comes later.`);
      }
    }
  }
  return violations;
}

/** @param {Map<string, Import[]>} files @returns {string[]} one line per circle */
function findCircles(files) {
  /** @type {string[]} */
  const circles = [];
  const finished = new Set();
  /** @param {string} file @param {string[]} path */
  const visit = (file, path) => {
    const start = path.indexOf(file);
    if (start >= 0) circles.push(`circle: ${[...path.slice(start), file].join(" -> ")}`);
    if (start >= 0 || finished.has(file)) return;
    for (const { target, isType } of files.get(file) ?? []) {
      if (!isType || posix.dirname(target) !== posix.dirname(file)) visit(target, [...path, file]);
    }
    finished.add(file);
  };
  for (const file of files.keys()) visit(file, []);
  return circles;
}

const files = readImports(process.argv[2] ?? "src");
const problems = [...findViolations(files), ...findCircles(files)];
process.stdout.write(
  problems.length > 0 ? `${problems.join("\n")}\n` : `${files.size} files, no import out of order\n`,
);
process.exitCode = problems.length > 0 ? 1 : 0;
