import { describe, expect, it } from "vitest";
import { Graph } from "./graph.js";
import * as g from "./ops/index.js";
import { printGraph } from "./print.js";

describe("printGraph", () => {
  it("reads like the model: scopes, shapes, attributes, a loop's body indented", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", ["chunks", 4]);
    const weight = graph.parameter("weight", [3, 4]);
    const unused = graph.within("unused", () => g.exp(x));
    const { carried } = graph.within("head", () =>
      g.loop(g.dimScalar(x, 0), "chunks", [graph.number("float32", 0)], (body, iteration, [sum]) => {
        const row = g.reshape(g.gather(x, iteration), [1, 4]);
        const logits = body.within("logits", () => g.matMul(row, weight, { transposeB: true, alpha: 0.5 }));
        return { carried: [g.add(sum!, g.reduceSum(g.softmax(logits)))], scanned: [] };
      }),
    );
    expect(unused.producer).toBeDefined();
    expect(printGraph(graph, carried)).toMatchInlineSnapshot(`
      "input x: float32 [chunks, 4]
      parameter weight: float32 [3, 4]
      head/DimSize: int64 [1] = DimSize(x) axis=0
      head/Reshape: int64 [] = Reshape(head/DimSize)
      head/Loop: float32 [] = Loop(head/Reshape, number_0)
        input head/iteration: int64 []
        input head/carried: float32 []
        head/body/Gather: float32 [4] = Gather(x, head/iteration) axis=0
        head/body/Reshape: float32 [1, 4] = Reshape(head/body/Gather)
        head/body/logits/MatMul: float32 [1, 3] = MatMul(head/body/Reshape, weight) transposeB alpha=0.5
        head/body/Softmax: float32 [1, 3] = Softmax(head/body/logits/MatMul) axis=1
        head/body/ReduceSum: float32 [] = ReduceSum(head/body/Softmax) axes=[0,1]
        head/body/Add: float32 [] = Add(head/carried, head/body/ReduceSum)
        carry head/body/Add
        scan nothing"
    `);
    expect(printGraph(graph)).toContain("unused/Exp: float32 [chunks, 4] = Exp(x)");
  });
});
