import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { letterOf, markFronts, paretoFront, type TradeOff, type TradeOffModel } from "./trade-off.js";
import { tradeOffHtml } from "./trade-off-html.js";
import { tradeOffText } from "./trade-off-text.js";

const points = fc.array(fc.record({ cost: fc.integer({ min: 1, max: 9 }), loss: fc.integer({ min: 0, max: 9 }) }));

describe("paretoFront", () => {
  it("holds no point that another beats, and leaves out none that no other beats", () => {
    fc.assert(
      fc.property(points, (all) => {
        const front = paretoFront(all);
        const kept = all.filter((_, i) => front[i]);
        for (const [i, point] of all.entries()) {
          const isBeaten = kept.some(
            (other) =>
              other.cost <= point.cost &&
              other.loss <= point.loss &&
              (other.cost < point.cost || other.loss < point.loss),
          );
          expect(isBeaten).toBe(!front[i]);
        }
      }),
    );
  });

  it("keeps equals, and leaves out what could not be measured only where it is not the cheapest", () => {
    expect(
      paretoFront([
        { cost: 1, loss: 2 },
        { cost: 1, loss: 2 },
        { cost: 2, loss: 2 },
      ]),
    ).toEqual([true, true, false]);
  });
});

const model = (name: string, bytes: number, kl: number): TradeOffModel => ({
  name,
  path: name,
  bytes,
  peakMemoryBytes: 3 * bytes,
  promptMsPerToken: bytes / 1e7,
  decodeMsPerToken: bytes / 1e6,
  perplexity: { value: 30 + kl, low: 29, high: 40 },
  klFromTeacher: { mean: { value: kl, low: kl * 0.9, high: kl * 1.1 }, median: kl, p99: kl },
  top1Agreement: { value: 0.8, low: 0.7, high: 0.9 },
});

const report: TradeOff = {
  limbeckTradeOff: 1,
  created: "2025-01-01T00:00:00.000Z",
  limbeckVersion: "0.0.0",
  machine: "a machine",
  threads: 2,
  data: { documents: 3, tokens: 900, responseTokens: 897 },
  quality: "kl",
  teacher: { ...model("large", 4e8, 0), klFromTeacher: null, top1Agreement: null },
  students: markFronts(
    [model("a", 1e8, 0.2), model("<b>/with/a/very/long/path/model.onnx", 5e7, 0.3), model("c", 2e8, 0.5)],
    "kl",
  ),
};

describe("tradeOffText", () => {
  it("stays within 80 columns, and writes capital letters for the front alone", () => {
    const lines = tradeOffText(report).split("\n");
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    const plot = lines.filter((line) => line.includes("│")).join("");
    expect(plot).toMatch(/A/);
    expect(plot).toMatch(/B/);
    expect(plot).toMatch(/c/);
    expect(lines.find((line) => line.startsWith("A "))).toMatch(/100 MB\* +300 MB\* +.*\*$/);
    expect(lines.find((line) => line.startsWith("C "))).not.toContain("*");
  });
});

describe("tradeOffHtml", () => {
  it("draws quality against every cost, and lets no name become markup", () => {
    const page = tradeOffHtml(report);
    expect(page.match(/<svg /g)).toHaveLength(4);
    expect(page).toContain("&lt;b&gt;/with");
    expect(page).not.toContain("<b>/with");
  });
});

describe("letterOf", () => {
  it("goes on after Z", () => expect([0, 25, 26, 27, 52].map(letterOf)).toEqual(["A", "Z", "AA", "AB", "BA"]));
});
