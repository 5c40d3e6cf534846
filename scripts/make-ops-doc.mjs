/**
 * @file Writes docs/ops.md from the built library: every op, its ONNX forms, its derivative and how that is verified.
 *
 *     npm run build && node scripts/make-ops-doc.mjs [--check]
 *
 * With --check nothing is written: exit 1 where the file is stale.
 */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { gradientRules } from "../dist/autodiff/rules/index.js";
import * as g from "../dist/graph/index.js";
import { compile } from "../dist/runtime/index.js";

/** @typedef {import("../dist/graph/index.js").Value} Value */
/** @typedef {import("../dist/graph/index.js").FloatDType} FloatDType */
/** @typedef {import("../dist/graph/index.js").OnnxTarget} OnnxTarget */
/** @typedef {(x: Value, graph: import("../dist/graph/index.js").Graph) => Value} Sample */

const path = new URL("../docs/ops.md", import.meta.url);
const rulesFolder = new URL("../src/autodiff/rules/", import.meta.url);

/** @type {(graph: import("../dist/graph/index.js").Graph, ...values: number[]) => Value} */
const ids = (graph, ...values) => graph.constant("int64", [values.length], BigInt64Array.from(values, BigInt));
/**
 * The smallest use of each op on a matrix x [rows, 4], in the form that differs most between the targets.
 * @type {Record<string, Sample>}
 */
const samples = {
  Add: (x) => g.add(x, x),
  Sub: (x) => g.sub(x, x),
  Mul: (x) => g.mul(x, x),
  Div: (x) => g.div(x, x),
  Pow: (x) => g.pow(x, x),
  Max: (x) => g.max(x, x),
  Min: (x) => g.min(x, x),
  Where: (x, graph) => g.where(graph.input("condition", "bool", [4]), x, x),
  Equal: (x) => g.equal(x, x),
  Less: (x) => g.less(x, x),
  LessOrEqual: (x) => g.lessOrEqual(x, x),
  Greater: (x) => g.greater(x, x),
  And: (_, graph) => g.and(graph.input("a", "bool", []), graph.input("b", "bool", [])),
  Or: (_, graph) => g.or(graph.input("a", "bool", []), graph.input("b", "bool", [])),
  Not: (_, graph) => g.not(graph.input("a", "bool", [])),
  Neg: g.neg,
  Abs: g.abs,
  Sign: g.sign,
  Exp: g.exp,
  Log: g.log,
  Sqrt: g.sqrt,
  Reciprocal: g.reciprocal,
  Sigmoid: g.sigmoid,
  Tanh: g.tanh,
  Softplus: g.softplus,
  Relu: g.relu,
  Erf: g.erf,
  Identity: g.identity,
  Cast: (x) => g.cast(x, "int32"),
  MatMul: (x, graph) => g.matMul(graph.input("a", x.dtype, ["batch", "rows", 4]), x, { transposeB: true, alpha: 0.5 }),
  Gemm: (x) => g.gemm(x, x, x.graph.input("c", x.dtype, ["rows", "rows"]), { transposeB: true }),
  DynamicQuantizeMatMul: (x, graph) =>
    g.dynamicQuantizeMatMul(x, graph.parameter("weight", [4, 3], "int8"), graph.parameter("scales", [3])),
  MatMulNBits: (x, graph) => {
    const weight = graph.parameter("weight", [3, 1, 16], "uint8");
    return g.matMulNBits(x, weight, graph.parameter("scales", [3, 1]), { bits: 4 });
  },
  GatherBlockQuantized: (_, graph) => {
    const table = graph.parameter("table", [8, 16], "uint8");
    return g.gatherBlockQuantized(table, graph.parameter("scales", [8, 1]), ids(graph, 0), { bits: 4 });
  },
  ReduceSum: (x) => g.reduceSum(x),
  ReduceMean: (x) => g.reduceMean(x),
  ReduceMax: (x) => g.reduceMax(x),
  ReduceLogSumExp: (x) => g.reduceLogSumExp(x),
  ArgMax: (x) => g.argMax(x),
  CumSum: (x) => g.cumSum(g.cast(x, "int32"), 0),
  TopK: (x) => g.topK(x, 2).values,
  Softmax: (x) => g.softmax(x),
  LogSoftmax: (x) => g.logSoftmax(x),
  Reshape: (x) => g.reshape(x, ["rows", 2, 2]),
  Transpose: (x) => g.transpose(x, [1, 0]),
  Expand: (x) => g.expand(x, [3, "rows", 4]),
  Concat: (x) => g.concat([x, x], 1),
  Split: (x) => g.split(x, 1, [1, 3])[0] ?? x,
  Slice: (x) => g.slice(x, { axis: 1, start: 0, end: 2 }),
  Pad: (x) => g.pad(x, { axis: 1, before: 1, after: 0 }),
  DimSize: (x) => g.dimSize(x, 0),
  Gather: (x, graph) => g.gather(x, ids(graph, 0)),
  GatherElements: (x, graph) => g.gatherElements(x, graph.input("indices", "int64", ["rows", 2])),
  ScatterElementsAdd: (x, graph) => {
    const indices = graph.input("indices", "int64", ["rows", 2]);
    return g.scatterElementsAdd(x, indices, graph.input("updates", x.dtype, ["rows", 2]));
  },
  ScatterRowsAdd: (x, graph) => g.scatterRowsAdd(x, ids(graph, 0), graph.input("updates", x.dtype, [1, 4])),
  RmsNorm: (x, graph) => g.rmsNorm(x, graph.parameter("weight", [4], x.dtype), 1e-6),
  RotaryEmbedding: (x, graph) => {
    const table = graph.input("table", x.dtype, ["positions", 2]);
    const heads = g.reshape(x, [1, 1, "rows", 4]);
    return g.rotaryEmbedding(heads, table, table, graph.input("positions", "int64", [1, "rows"]));
  },
  StopGradient: g.stopGradient,
  CustomGradient: (x) => g.customGradient(x, [x], (cotangent) => [cotangent]),
  Loop: (x, graph) =>
    g.loop(graph.constant("int64", [], BigInt64Array.of(2n)), 2, [x], (_body, _iteration, [value]) => ({
      carried: [g.exp(value ?? x)],
      scanned: [],
    })).carried[0] ?? x,
};

/** @type {(op: string, dtype: FloatDType) => { graph: import("../dist/graph/index.js").Graph, output: Value }} */
function build(op, dtype) {
  const sample = samples[op];
  if (!sample) throw new Error(`make-ops-doc: add a sample of "${op}".`);
  const graph = new g.Graph();
  const output = sample(graph.input("x", dtype, ["rows", 4]), graph);
  return { graph, output };
}

/**
 * The ONNX ops that an op becomes, in order; "none" where it disappears.
 * @type {(op: string, dtype: FloatDType, target: OnnxTarget) => string}
 */
function onnxForm(op, dtype, target) {
  const { graph, output } = build(op, dtype);
  const nodes = g.toOnnx(graph, [output], { target }).model.graph?.node ?? [];
  const own = nodes.filter(({ name }) => name === op || name.startsWith(`${op}/`) || name.startsWith(`${op}:`));
  return own.map(({ opType, domain }) => (domain === "" ? opType : `${domain}.${opType}`)).join(" · ") || "none";
}

/** Whether the engine computes an op in float64. @type {(op: string) => Promise<boolean>} */
async function hasFloat64(op) {
  const { graph, output } = build(op, "float64");
  try {
    await (await compile(graph, { output })).dispose();
    return true;
  } catch {
    return false;
  }
}

/** The comment above each rule, by op. @type {() => Map<string, string>} */
function readFormulas() {
  const formulas = new Map();
  for (const file of readdirSync(rulesFolder)) {
    if (file.endsWith(".test.ts")) continue;
    /** @type {string[]} */
    let comment = [];
    for (const line of readFileSync(new URL(file, rulesFolder), "utf8").split("\n")) {
      const text = /^\s*\/\/ (.*)$/.exec(line)?.[1];
      const op = /GradientRule<"(\w+)"> =/.exec(line)?.[1] ?? /^ {2}(\w+): /.exec(line)?.[1];
      if (text !== undefined) comment.push(text);
      else {
        if (op && comment.length > 0 && op in gradientRules) formulas.set(op, comment.join(" "));
        comment = [];
      }
    }
  }
  return formulas;
}

/** @type {(op: string) => Promise<string>} */
async function verification(op) {
  if (op === "Cast") return "closed form, in float32";
  if (!(await hasFloat64(op))) return "closed form, in float32: the engine has no float64 kernel";
  const isFused = onnxForm(op, "float32", "engine") !== onnxForm(op, "float64", "engine");
  return isFused
    ? "central differences in its standard form; the fused kernel by parity in float32"
    : "central differences";
}

async function makeDocument() {
  const formulas = readFormulas();
  const rows = [];
  for (const [op, rule] of Object.entries(gradientRules)) {
    const [engine, standard] = [onnxForm(op, "float32", "engine"), onnxForm(op, "float32", "standard")];
    const forms = engine === standard ? engine : `engine: ${engine}<br>standard: ${standard}`;
    let derivative = "stops: zero everywhere";
    let verified = "gives zeros";
    if (typeof rule === "function") {
      derivative = formulas.get(op) ?? "";
      if (derivative === "")
        throw new Error(`make-ops-doc: the rule of "${op}" needs its formula as a comment above it.`);
      verified = await verification(op);
    } else if (rule !== "stops") {
      derivative = `none: ${rule.missing}`;
      verified = "an error that names node and path";
    }
    rows.push(`| ${[op, forms, derivative.replaceAll("|", "\\|"), verified].join(" | ")} |`);
  }
  return `# Ops

Made by \`scripts/make-ops-doc.mjs\` from the op table, the ONNX lowerings and the derivative rules; do not edit.

Every op, what it becomes in an ONNX file (for ONNX Runtime, the engine, and with standard ops only, where the two differ), its
derivative with respect to each operand that has one (dY is the gradient of the output Y), and how the derivative is verified:
central differences with h = 1e-5 through the engine in float64, to a relative 1e-6, over broadcasting, transposes, symbolic sizes
and special values (\`test/support/gradient-cases/\`). Both forms agree to 1e-5 in float32. Where operands broadcast, a gradient is
summed over the repeated axes.

| op | ONNX | derivative | verified by |
|---|---|---|---|
${rows.join("\n")}
`;
}

const document = await makeDocument();
if (!process.argv.includes("--check")) {
  writeFileSync(path, document);
} else if (readFileSync(path, "utf8") !== document) {
  process.stderr.write("docs/ops.md is stale: run `npm run build && node scripts/make-ops-doc.mjs`.\n");
  process.exitCode = 1;
}
