/** @file `score` on token ids gives PyTorch's log-probs, padded heads and all. Golden: test/golden/scripts/make_models.py. */

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { score } from "../../src/evaluate/score.js";

const folder = new URL("../golden/models/", import.meta.url).pathname;

interface Golden {
  readonly inputIds: readonly (readonly number[])[];
  readonly nextTokenLogProbs: readonly (readonly number[])[];
}

describe.each(readdirSync(folder).filter((name) => !name.includes(".")))("score %s", (name) => {
  it("agrees with PyTorch to 1e-4 and sums up consistently", async () => {
    const { inputIds, nextTokenLogProbs } = JSON.parse(readFileSync(`${folder}${name}.json`, "utf8")) as Golden;
    const result = await score(`${folder}${name}`, { ids: inputIds[0]!, topK: 3 }, { threads: 1 });
    const [first, ...rest] = result.tokens;
    expect(first!.logProb).toBeNull();
    expect(rest.map(({ logProb }) => logProb!)).toBeAllClose(nextTokenLogProbs[0]!, { relative: 0, absolute: 1e-4 });
    const mean = nextTokenLogProbs[0]!.reduce((sum, each) => sum + each, 0) / nextTokenLogProbs[0]!.length;
    expect([result.meanLogProb!, result.perplexity!]).toBeAllClose([mean, Math.exp(-mean)], { relative: 1e-4 });
    for (const { logProb, topK } of rest) {
      expect(topK).toHaveLength(3);
      expect(topK[0]!.logProb).toBeGreaterThanOrEqual(logProb!);
    }
  });
});
