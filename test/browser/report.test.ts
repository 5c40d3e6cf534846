/** @file report.html in a real browser: it stands alone, shows what report.json says, and fits a phone. */

import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatBytes, formatCount, formatInterval, formatNumber, formatPercent } from "../../src/report/format.js";
import type { ModelReport, Report } from "../../src/report/report.js";
import { writeReport } from "../../src/report/write-report.js";
import { exampleReport } from "../support/example-report.js";

const launchArguments = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const chromiumPaths = process.env.CHROMIUM_PATH
  ? [process.env.CHROMIUM_PATH]
  : [
      "/usr/bin/chromium",
      "/usr/bin/chromium-browser",
      "/usr/bin/google-chrome",
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
      "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
    ];

const complaints: string[] = [];
const requests: string[] = [];
let browser: Browser;
let folder: string;
let address: string;
let report: Report;
let page: Page;

beforeAll(async () => {
  const executablePath = chromiumPaths.find((path) => existsSync(path));
  if (!executablePath) {
    throw new Error(
      `report-browser: expected Chromium or Chrome at one of ${chromiumPaths.join(", ")}; found none. ` +
        "Install it (Debian, Ubuntu: apt-get install chromium), or set CHROMIUM_PATH to where it is.",
    );
  }
  folder = await mkdtemp(join(tmpdir(), "limbeck-report-"));
  address = pathToFileURL(join(folder, "report.html")).href;
  await writeReport(folder, exampleReport);
  report = JSON.parse(await readFile(join(folder, "report.json"), "utf8"));

  browser = await chromium.launch({ executablePath, args: launchArguments });
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(address);
  await page.locator("details").evaluateAll((all) => {
    for (const details of all) details.setAttribute("open", "");
  });
});

afterAll(async () => {
  await browser?.close();
  if (folder) await rm(folder, { recursive: true });
});

/** The table's cells by the name of their row: the value and the interval below it, column by column. */
function tableCells(): Promise<Record<string, string[]>> {
  return page
    .locator("tbody tr")
    .evaluateAll((rows) =>
      Object.fromEntries(
        rows.map((row) => [
          row.querySelector("th")!.firstChild!.textContent,
          [...row.querySelectorAll("td")].map((cell) =>
            [...cell.childNodes].map((node) => node.textContent).join(" | "),
          ),
        ]),
      ),
    );
}

describe("report.html in Chromium", () => {
  it("shows the numbers of report.json in its table", async () => {
    const of = (cell: (model: ModelReport) => string) => report.models.map(cell);
    expect(await page.locator("thead th small").allTextContents()).toEqual(of(({ name }) => name));
    expect(await tableCells()).toEqual({
      Perplexity: of(({ perplexity: p }) => `${formatNumber(p!.value)} | ${formatInterval(p!)}`),
      "KL from the teacher": of(({ klFromTeacher: kl }) => {
        return kl ? `${formatNumber(kl.mean.value)} | ${formatInterval(kl.mean)}` : "–";
      }),
      "KL, median": of(({ klFromTeacher: kl }) => (kl ? formatNumber(kl.median) : "–")),
      "KL, 99th percentile": of(({ klFromTeacher: kl }) => (kl ? formatNumber(kl.p99) : "–")),
      "Top-1 agreement": of(({ top1Agreement: share }) => {
        if (!share) return "–";
        return `${formatPercent(share.value)} | ${(share.low! * 100).toFixed(1)} to ${(share.high! * 100).toFixed(1)}`;
      }),
      "Bits per byte": of(({ bitsPerByte: bits }) => `${formatNumber(bits!.value)} | ${formatInterval(bits!)}`),
      Parameters: of(({ parameters }) => formatCount(parameters)),
      "Size on disk": of(({ bytesOnDisk }) => formatBytes(bytesOnDisk)),
      Speed: of(({ tokensPerSecond }) => formatCount(tokensPerSecond)),
      "Peak memory": of(({ peakMemoryBytes: peak }) => (peak === undefined ? "–" : formatBytes(peak))),
    });
  });

  it("shows tokens that look like markup as text", async () => {
    const card = page.locator(".token").nth(2);
    expect(await card.locator("mark").textContent()).toBe("</script>");
    expect(await card.locator(".context").textContent()).toContain(`<b onclick="alert(1)">bold</b> & means "it"`);
    expect(await card.locator(".top.student code").allTextContents()).toEqual([
      "<img␣src=x␣onerror=alert(1)>",
      "'",
      "∅",
      "␣␣␣",
      "‹U+000D›↵⇥",
    ]);
    expect(await page.locator("script").count()).toBe(1);
    expect(await page.locator("main img, main b[onclick]").count()).toBe(0);
    expect(await page.title()).toBe("sotu-teacher, distilled into sotu-student");
  });

  it("reads values under the pointer and takes them away again", async () => {
    const chart = page.locator("[data-curves]").nth(1);
    const readout = chart.locator("[data-readout]");
    const unit = await readout.textContent();
    await chart.hover({ position: { x: 60, y: 200 } });
    expect(await readout.textContent()).toBe("step 0 · student 4,168 · twin 4,168");
    await page.mouse.move(2, 2);
    expect(await readout.textContent()).toBe(unit);
  });

  it.each([320, 390, 768, 1280])("does not scroll sideways at %d pixels", async (width) => {
    await page.setViewportSize({ width, height: 900 });
    const beyond = await page
      .locator("body *")
      .evaluateAll(
        (elements, right) =>
          elements
            .filter((element) => element.getBoundingClientRect().right > right + 0.5)
            .map((element) => `${element.tagName} ${element.textContent?.slice(0, 40)}`),
        width,
      );
    expect(beyond).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
  });

  it.each(["light", "dark"] as const)("keeps a contrast of 4.5 to 1 for all text in the %s", async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    expect(await page.locator("body *").evaluateAll(faintTexts)).toEqual([]);
  });

  it("loads nothing but itself and says nothing on the console", () => {
    expect(complaints).toEqual([]);
    expect(requests).toEqual([address]);
  });

  it("is whole without its script", async () => {
    const plain = await browser.newPage({ javaScriptEnabled: false });
    await plain.goto(address);
    expect(await plain.locator("figure svg").count()).toBe(8);
    expect(await plain.locator("table").isVisible()).toBe(true);
  });
});

/** What {@link faintTexts} needs of an element; this project's types know no DOM. */
interface PageElement {
  readonly tagName: string;
  readonly parentElement: PageElement | null;
  readonly childNodes: Iterable<{ readonly nodeType: number; readonly textContent: string }>;
  readonly ownerDocument: { readonly defaultView: { getComputedStyle(element: PageElement): ComputedColors } };
  matches(selector: string): boolean;
  closest(selector: string): PageElement | null;
  getAttribute(name: string): string | null;
}

interface ComputedColors {
  readonly color: string;
  readonly fill: string;
  readonly backgroundColor: string;
}

/** Runs in the page: elements with text of their own whose contrast with what is behind them is below WCAG's 4.5 to 1. */
function faintTexts(elements: PageElement[]): string[] {
  const window = elements[0]!.ownerDocument.defaultView;
  const channels = (color: string) => color.match(/[\d.]+/g)!.map(Number);
  const luminance = (color: string) => {
    const [red, green, blue] = channels(color).map((channel) => {
      const share = channel / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
  };
  const backgroundOf = (element: PageElement): string => {
    const color = window.getComputedStyle(element).backgroundColor;
    return channels(color)[3] === 0 && element.parentElement ? backgroundOf(element.parentElement) : color;
  };
  const faint = elements.flatMap((element) => {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== "");
    if (!hasText || element.matches("script, title, desc")) return [];
    const { color, fill } = window.getComputedStyle(element);
    const [darker, lighter] = [luminance(element.closest("svg") ? fill : color), luminance(backgroundOf(element))].sort(
      (a, b) => a - b,
    );
    const contrast = (lighter! + 0.05) / (darker! + 0.05);
    return contrast < 4.5 ? [`${element.tagName}.${element.getAttribute("class")} ${contrast.toFixed(2)}`] : [];
  });
  return [...new Set(faint)];
}
