/** @file The page as text: escaping, axes, sections that come and go; and its writing. */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exampleReport, pretrainReport } from "../../test/support/example-report.js";
import { exactAxis, linearAxis, logAxis } from "./html/axis.js";
import { html } from "./html/markup.js";
import { visibleContext, visibleToken } from "./html/visible-text.js";
import { reportHtml } from "./html.js";
import { HISTORY_POINTS, thinOut } from "./report.js";
import { writeReport } from "./write-report.js";

describe("html", () => {
  it("escapes every value, in text and in attributes, and joins lists", () => {
    const name = `<b title="x">'&`;
    expect(html`<p title="${name}">${[name, html`<i>${1}</i>`]}${null}</p>`.markup).toBe(
      '<p title="&lt;b title=&quot;x&quot;&gt;&#39;&amp;">&lt;b title=&quot;x&quot;&gt;&#39;&amp;<i>1</i></p>',
    );
  });

  it("lets no text become markup", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("<", ">", '"', "'", "&", "a", "/", ";") }), (text) => {
        expect(html`${text}`.markup).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/);
      }),
    );
  });
});

describe("visibleToken", () => {
  it.each([
    [" the", "␣the"],
    [".\n\n", ".↵↵"],
    ["\r\n\t\u00a0", "‹U+000D›↵⇥⍽"],
    ["", "∅"],
    ["\u202e\ufeff\u0000", "‹U+202E›‹U+FEFF›‹U+0000›"],
    ["naïve 漢字", "naïve␣漢字"],
  ])("shows %j as %s", (text, shown) => {
    expect(visibleToken(text)).toBe(shown);
  });

  it("keeps the spaces of running text", () => {
    expect(visibleContext("one two\nthree")).toBe("one two↵ three");
  });
});

describe("axes", () => {
  const place = { from: 0, to: 100, tickCount: 4 };
  const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });

  it("put every value between their ends and have a few ticks in order", () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        fc.pre(high - low > Math.max(Math.abs(low), Math.abs(high), 1e-6) * 1e-6);
        for (const axis of [linearAxis(low, high, place), exactAxis(low, high, place)]) {
          expect(axis.place(low)).toBeGreaterThanOrEqual(-1e-6);
          expect(axis.place(high)).toBeLessThanOrEqual(100 + 1e-6);
          expect(axis.ticks.length).toBeGreaterThanOrEqual(1);
          expect(axis.ticks.length).toBeLessThanOrEqual(7);
          expect([...axis.ticks].sort((x, y) => x - y)).toEqual(axis.ticks);
        }
      }),
    );
  });

  it("are round: 1, 2, 2.5 or 5 times a power of ten apart", () => {
    expect(linearAxis(0.61, 3.7, place).ticks).toEqual([0, 1, 2, 3, 4]);
    expect(exactAxis(1, 300, place).ticks).toEqual([100, 200, 300]);
    expect(logAxis(94, 4168, place).ticks).toEqual([100, 300, 1000, 3000]);
  });

  it("have ticks where all values are equal or lie close together", () => {
    expect(linearAxis(3, 3, place).ticks.length).toBeGreaterThan(1);
    expect(linearAxis(0, 0, place).ticks.length).toBeGreaterThan(1);
    expect(logAxis(90, 92, place).ticks.length).toBeGreaterThan(1);
    expect(logAxis(7, 7, place).ticks.length).toBeGreaterThan(0);
    expect(exactAxis(50, 50, place).ticks).toContain(50);
  });
});

describe("thinOut", () => {
  it("keeps the first and the last of at most 500 points, in order", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3000 }), (length) => {
        const points = Array.from({ length }, (_, i) => i);
        const kept = thinOut(points);
        expect(kept.length).toBe(Math.min(length, HISTORY_POINTS));
        expect(new Set(kept).size).toBe(kept.length);
        expect([kept[0], kept.at(-1)]).toEqual([points[0], points.at(-1)]);
      }),
    );
  });
});

describe("reportHtml", () => {
  it("refers to nothing outside itself", () => {
    expect(reportHtml(exampleReport)).not.toMatch(
      /(src|href|action)="(?!data:,")|@import|url\(|https?:\/\/(?!www\.w3\.org)/,
    );
  });

  it("holds none of the run's markup unescaped", () => {
    const page = reportHtml(exampleReport);
    expect(page).not.toContain("<b onclick");
    expect(page).not.toContain("<img");
    expect(page.match(/<script/g)).toHaveLength(1);
    expect(page).toContain("&lt;/script&gt;");
  });

  it("leaves out the sections that a run without a teacher cannot fill", () => {
    const page = reportHtml(pretrainReport);
    expect(page).not.toContain("Where they differ most");
    expect(page).not.toContain("KL(teacher");
    expect(page).not.toContain("<dt>Twin");
  });

  it("stands up to a run that recorded next to nothing", () => {
    const student = pretrainReport.models.at(-1)!;
    const page = reportHtml({
      ...pretrainReport,
      models: [{ ...student, perplexity: null, bitsPerByte: null }],
      history: { student: { steps: [], evaluations: [], keptStep: 0 }, twin: null },
    });
    expect(page).not.toContain("Over training");
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("shows every warning with its code", () => {
    const warnings = [{ code: "held-out-rows-in-train", message: "3 of 9 held-out rows are training rows too." }];
    const page = reportHtml({ ...exampleReport, warnings });
    expect(page).toContain("3 of 9 held-out rows are training rows too. <code>held-out-rows-in-train</code>");
  });

  it("draws the gradient of each term where it was measured, and only there", () => {
    expect(reportHtml(exampleReport)).not.toContain("Gradient of each term");
    const { student } = exampleReport.history;
    const steps = student.steps.map((point) => ({
      ...point,
      termGradientNorms: { soft: 4, hard: 0.25, "<i>": 0 },
    }));
    const page = reportHtml({ ...exampleReport, history: { student: { ...student, steps }, twin: null } });
    expect(page).toMatch(/soft: 4.00 at step 1, 4.00 at step 300. hard: 0.250 at step 1, 0.250 at step 300./);
    expect(page).toMatch(/<path class="line student" stroke-dasharray="7 3"/);
    // A term that never pulled has no place on a logarithmic scale.
    expect(page).not.toMatch(/(<|&lt;)i(>|&gt;)/);
  });

  it("says which step was kept where it is not the last", () => {
    const student = { ...exampleReport.history.student, keptStep: 250 };
    expect(reportHtml({ ...exampleReport, history: { ...exampleReport.history, student } })).toContain(
      "that of step 250",
    );
  });
});

describe("writeReport", () => {
  it("writes the report as JSON and as a page, and leaves nothing else", async () => {
    const folder = await mkdtemp(join(tmpdir(), "limbeck-report-"));
    try {
      await writeReport(folder, exampleReport);
      expect((await readdir(folder)).sort()).toEqual(["report.html", "report.json"]);
      expect(JSON.parse(await readFile(join(folder, "report.json"), "utf8"))).toEqual(exampleReport);
      expect(await readFile(join(folder, "report.html"), "utf8")).toBe(reportHtml(exampleReport));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
