import { describe, expect, it } from "vitest";
import { z } from "zod";
import { dataOptionsSchema } from "./options.js";

describe("dataOptionsSchema", () => {
  it("needs only train", () => {
    expect(dataOptionsSchema.parse({ train: "rows.jsonl" })).toEqual({
      train: "rows.jsonl",
      template: "auto",
      sequenceLength: 512,
      packing: true,
      shuffle: true,
    });
  });

  it("refuses held-out rows given in both ways, unknown keys and values out of range", () => {
    const problems = (data: object) => dataOptionsSchema.safeParse({ train: "a", ...data }).error?.issues[0]?.path;
    expect(problems({ heldOut: "b", heldOutFraction: 0.1 })).toEqual(["heldOutFraction"]);
    expect(problems({ heldOutFraction: 1 })).toEqual(["heldOutFraction"]);
    expect(problems({ sequenceLength: 1 })).toEqual(["sequenceLength"]);
    expect(problems({ train: [] })).toEqual(["train"]);
    expect(problems({ sequenceLenght: 8 })).toEqual([]);
    expect(problems({})).toBeUndefined();
  });

  it("describes every key in its JSON Schema", () => {
    const { properties } = z.toJSONSchema(dataOptionsSchema, { io: "input" });
    const names = Object.keys(properties ?? {});
    const rows = ["train", "heldOut", "heldOutFraction", "weightField"];
    expect(names).toEqual([...rows, "template", "sequenceLength", "packing", "shuffle"]);
    for (const name of names) expect(properties![name], name).toHaveProperty("description");
  });
});
