import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

describe("docs/ops.md", () => {
  it("says what the built op table, lowerings and rules say", async () => {
    const script = fileURLToPath(new URL("../../../scripts/make-ops-doc.mjs", import.meta.url));
    const { stderr } = await promisify(execFile)(process.execPath, [script, "--check"]);
    expect(stderr).toBe("");
  });
});
