import { describe, expect, it } from "vitest";
import { Graph } from "./graph.js";
import * as g from "./ops/index.js";

describe("names", () => {
  it("are the scope and the op, numbered where they repeat", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [2]);
    const names = graph.within("layers.0", () =>
      graph.within("mlp", () => [g.exp(x).name, g.exp(x).name, g.add(x, x).name]),
    );
    expect(names).toEqual(["layers.0/mlp/Exp", "layers.0/mlp/Exp_1", "layers.0/mlp/Add"]);
    expect(g.exp(x).name).toBe("Exp");
  });

  it("leave the scope again when building fails", () => {
    const graph = new Graph();
    const fail = () =>
      graph.within("layers.0", () => {
        throw new Error("stop");
      });
    expect(fail).toThrow("stop");
    expect(graph.scope).toBe("");
  });

  it("of further outputs carry their number", () => {
    const graph = new Graph();
    const { values, indices } = g.topK(graph.input("x", "float32", [4]), 2);
    expect([values.name, indices.name]).toEqual(["TopK", "TopK:1"]);
  });

  it("of inputs must be unique", () => {
    const graph = new Graph();
    graph.input("x", "float32", []);
    expect(() => graph.parameter("x", [2])).toThrow('graph: input names must be unique, got "x" a second time.');
  });
});

describe("inputs and constants", () => {
  it("refuse sizes that are neither whole numbers nor symbols", () => {
    const graph = new Graph();
    expect(() => graph.input("x", "float32", [1.5])).toThrow(
      'input "x": a dim must be a whole number or a symbol, got 1.5.',
    );
    expect(() => graph.input("y", "float32", [""])).toThrow('got ""');
  });

  it("refuse data of another length or type", () => {
    const graph = new Graph();
    expect(() => graph.constant("float32", [2, 2], new Float32Array(3))).toThrow(
      'constant "constant": float32 [2, 2] needs a Float32Array of 4 values, got a Float32Array of 3.',
    );
    expect(() => graph.constant("int64", [1], new Float32Array(1), "ids")).toThrow(
      'constant "ids": int64 [1] needs a BigInt64Array of 1 values, got a Float32Array of 1.',
    );
  });

  it("share equal numbers of one dtype, and tell 0 from −0", () => {
    const graph = new Graph();
    expect(graph.number("float32", 2)).toBe(graph.number("float32", 2));
    expect(graph.number("float32", 2)).not.toBe(graph.number("float64", 2));
    expect(graph.number("float32", 0)).not.toBe(graph.number("float32", -0));
  });

  it("refuse fractions beside whole-number operands", () => {
    const ids = new Graph().input("ids", "int64", [2]);
    expect(() => g.add(ids, 0.5)).toThrow("graph: a number beside int64 operands must be whole, got 0.5.");
  });
});

describe("operands", () => {
  it("of another graph are refused, by name", () => {
    const x = new Graph().input("x", "float32", []);
    const y = new Graph().input("y", "float32", []);
    expect(() => g.add(x, y)).toThrow('Add: all operands must belong to one graph, got "y" of another.');
  });
});
