import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatHubName, isPath, parseHubName } from "./model-name.js";

describe("parseHubName", () => {
  it.each([
    ["owner/name", { id: "owner/name", revision: "main" }],
    ["HuggingFaceTB/SmolLM2-135M-Instruct@v1.0", { id: "HuggingFaceTB/SmolLM2-135M-Instruct", revision: "v1.0" }],
    ["owner/name@refs/pr/1", { id: "owner/name", revision: "refs/pr/1" }],
    ["owner/name/model.Q4_K_M.gguf", { id: "owner/name", revision: "main", file: "model.Q4_K_M.gguf" }],
    ["owner/name/BF16/model.gguf@a1", { id: "owner/name", revision: "a1", file: "BF16/model.gguf" }],
    ["owner/model.gguf", { id: "owner/model.gguf", revision: "main" }],
  ])("reads %s", (text, expected) => {
    expect(parseHubName(text)).toEqual(expected);
  });

  it.each([
    "name",
    "runs/mine/student",
    "owner/../name.gguf",
    "owner/name/../../x.gguf",
    "owner/na--me",
    "owner/name@../../x",
    "owner/name@",
    "./owner/name",
    "/owner/name",
    "https://huggingface.co/owner/name",
    "",
  ])("takes %s for something else", (text) => {
    expect(parseHubName(text)).toBeUndefined();
  });

  it("reads what formatHubName writes", () => {
    const word = fc.stringMatching(/^\w(-?[\w])*$/).filter((text) => text.length < 30);
    const name = fc.record(
      {
        id: fc.tuple(word, word).map((pair) => pair.join("/")),
        revision: word,
        file: word.map((text) => `${text}.gguf`),
      },
      { requiredKeys: ["id", "revision"] },
    );
    fc.assert(
      fc.property(name, (made) => {
        expect(parseHubName(formatHubName(made))).toEqual(made);
      }),
    );
  });
});

describe("isPath", () => {
  it("tells what can only be a path", () => {
    for (const path of ["./x/y", "../x", "/x", "~/x", ".", "..", "C:\\x", "c:/x", "a\\b"])
      expect(isPath(path), path).toBe(true);
    for (const name of ["x/y", "x", ".hidden", "x/y@z"]) expect(isPath(name), name).toBe(false);
  });
});
