/** @file Numbers as people read them: the same text in the terminal, in report.html and in sentences. */

import type { Estimate } from "../evaluate/statistics.js";

/** A dash for what was not measured. */
export const NOT_MEASURED = "–";

const fixedDigits = [0, 1, 2, 3].map((decimals) => {
  return new Intl.NumberFormat("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
});

/** Three digits or a little more: 1.2e5 · 4,096 · 161.2 · 94.1 · 8.42 · 0.842 · 1.2e−4. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return NOT_MEASURED;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (needsExponent(value)) return withMinus(value.toExponential(1).replace("+", ""));
  return fixed(value, decimalsFor(value));
}

/** A value and half the width of its interval, in the value's decimals: `161.2 ± 6.2`. */
export function formatEstimate(estimate: Estimate | null): string {
  if (!estimate) return NOT_MEASURED;
  if (estimate.low === null || estimate.high === null) return formatNumber(estimate.value);
  const halfWidth = (estimate.high - estimate.low) / 2;
  return `${formatNumber(estimate.value)} ± ${likeValue(halfWidth, estimate.value)}`;
}

/** The interval, in the value's decimals: `155.0 to 167.4`; nothing where there is none. */
export function formatInterval({ value, low, high }: Estimate): string {
  if (low === null || high === null) return "";
  return `${likeValue(low, value)} to ${likeValue(high, value)}`;
}

/** A share as `41.2 %`; `< 0.1 %` for one that would round to nothing. */
export function formatPercent(share: number): string {
  if (share > 0 && share < 0.0005) return "< 0.1 %";
  return `${fixed(share * 100, 1)} %`;
}

/** How many, in three digits: 7.92M · 134M · 12.3k · 4,096. */
export function formatCount(count: number): string {
  if (Math.abs(count) < 9999.5) return fixed(count, 0);
  return withUnit(count, ["k", "M", "B", "T"], 1e3);
}

/** Bytes in three digits and decimal units: 15.8 MB. */
export function formatBytes(bytes: number): string {
  return bytes < 999.5 ? `${fixed(bytes, 0)} B` : withUnit(bytes, [" kB", " MB", " GB", " TB"], 1e3);
}

/** A duration: 4.2 s · 3 min 42 s · 1 h 04 min. */
export function formatSeconds(seconds: number): string {
  if (seconds < 59.95) return `${fixed(seconds, 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

/** A factor in two digits: 0.8 · 5.6 · 6 · 14. */
export function formatFactor(factor: number): string {
  return fixed(factor, factor < 9.95 ? 1 : 0).replace(/\.0$/, "");
}

/** A bound or a width in as many decimals as the value that it belongs to. */
function likeValue(bound: number, value: number): string {
  return needsExponent(value) || needsExponent(bound, 0) ? formatNumber(bound) : fixed(bound, decimalsFor(value));
}

function needsExponent(value: number, smallest = 0.0009995): boolean {
  const size = Math.abs(value);
  return size >= 99_999.5 || (size > 0 && size < smallest);
}

/** Three digits, or the three places that {@link needsExponent} leaves. */
function decimalsFor(value: number): number {
  const size = Math.abs(value);
  if (size === 0 || size >= 999.95) return 0;
  if (size >= 9.995) return 1;
  return size >= 0.9995 ? 2 : 3;
}

function withUnit(value: number, units: readonly string[], base: number): string {
  let power = 0;
  let scaled = value / base;
  while (scaled >= 999.5 && power < units.length - 1) {
    scaled /= base;
    power++;
  }
  const decimals = scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
  return fixed(scaled, decimals) + units[power]!;
}

/** Rounded to some decimals, with a true minus sign, and none before a zero. */
function fixed(value: number, decimals: number): string {
  return withMinus(fixedDigits[decimals]!.format(value)).replace(/^−(?=[0.]*$)/, "");
}

function withMinus(text: string): string {
  return text.replace(/-/g, "−");
}

function pad(count: number): string {
  return String(count).padStart(2, "0");
}

/** With its first letter as at the beginning of a sentence. */
export function capitalize(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
