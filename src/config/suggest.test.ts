import { describe, expect, it } from "vitest";
import { closest, closestPath } from "./suggest.js";

describe("closest", () => {
  it("finds a word with a slip, in another case or with other separators", () => {
    const words = ["temperature", "weight", "learningRate"];
    expect(closest("temprature", words)).toBe("temperature");
    expect(closest("wieght", words)).toBe("weight");
    expect(closest("learning_rate", words)).toBe("learningRate");
  });

  it("finds nothing when nothing is close", () => {
    expect(closest("banana", ["temperature", "weight"])).toBeUndefined();
    expect(closest("x", ["a"])).toBeUndefined();
  });
});

describe("closestPath", () => {
  const paths = ["training", "training.steps", "training.epochs", "training.learningRate", "data", "data.train"];

  it("prefers a sibling, then another toolkit's word, then a key of another section", () => {
    expect(closestPath("training.step", paths)).toBe("training.steps");
    expect(closestPath("data.lr", paths)).toBe("training.learningRate");
    expect(closestPath("epoch", paths)).toBe("training.epochs");
  });

  it("never suggests a key that the schema does not have", () => {
    expect(closestPath("alpha", paths)).toBeUndefined();
  });
});
