/** @file The typed graph: build with the op functions, print, write as ONNX and read it back. */

export { type Dim, printShape, type Shape } from "./dims.js";
export type { DType, FloatDType, TensorData } from "./dtype.js";
export { type Constant, Graph, type Input, type Node, type Value } from "./graph.js";
export type { OnnxTarget } from "./onnx/lower.js";
export { type OnnxGraph, readOnnx } from "./onnx/read.js";
export { encodeOnnx, type OnnxModel, type OnnxOptions, toOnnx, writeOnnxFile } from "./onnx/write.js";
export type { NodeOf, OpAttributes, OpName } from "./op-table.js";
export * from "./ops/index.js";
export { printGraph } from "./print.js";
