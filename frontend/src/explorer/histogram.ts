// A histogram's geometry: how tall its bars are, between which of them a range lies, and how that is written.

import { clock } from "../shared/dom";
import type { ColumnKind, Histogram } from "../shared/protocol";
import { written } from "./cells";

/** A value of the histogram's figure, in words. */
export function figure(kind: ColumnKind, value: number): string {
  if (kind !== "duration") return written(kind, value);
  return value < 10 ? `${value.toFixed(1)} s` : clock(value);
}

/** How tall each bar is, in percent: by the square root, so that a few are seen beside many; nothing only for none. */
export function barHeights(counts: readonly number[]): number[] {
  const largest = Math.max(1, ...counts);
  return counts.map((count) => (count === 0 ? 0 : Math.max(4, 100 * Math.sqrt(count / largest))));
}

/** The edge at or after a value; the last one for what is beyond. */
export function edgeOf({ edges, counts }: Histogram, value: number): number {
  const edge = edges.findIndex((other) => other >= value - 1e-9);
  return edge < 0 ? counts.length : edge;
}

/** Whether two edges hold everything between them. */
export function isWhole({ counts }: Histogram, low: number, high: number): boolean {
  return low <= 0 && high >= counts.length;
}

/** The values between two edges; null for all. The last bar holds what is beyond it, too. */
export function rangeOf(histogram: Histogram, low: number, high: number): [least: number, most: number] | null {
  const { edges, counts } = histogram;
  if (isWhole(histogram, low, high)) return null;
  return [edges[low] ?? 0, high >= counts.length ? Number.MAX_VALUE : (edges[high] ?? 0)];
}

/** The edges that a drag from one place to another takes in, each in bars from the left: at least one bar. */
export function dragged(from: number, to: number, bars: number): [low: number, high: number] {
  const inside = (place: number): number => Math.max(0, Math.min(bars, place));
  const low = Math.min(bars - 1, Math.floor(Math.min(inside(from), inside(to))));
  return [low, Math.max(low + 1, Math.ceil(Math.max(inside(from), inside(to))))];
}

/** A range in words. */
export function described(histogram: Histogram, kind: ColumnKind, low: number, high: number): string {
  const { edges, counts, unknown } = histogram;
  const beyond = kind === "rate" && high >= counts.length ? " and more" : "";
  const text = `${figure(kind, edges[low] ?? 0)} to ${figure(kind, edges[high] ?? 0)}${beyond}`;
  return isWhole(histogram, low, high) && unknown > 0 ? `${text}; ${unknown.toLocaleString("en")} unknown` : text;
}
