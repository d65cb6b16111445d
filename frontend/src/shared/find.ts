// Where a text occurs in the segments of a transcript.

import type { Segment } from "./protocol";

/** A place in a segment's text, by characters. */
export interface Hit {
  readonly segment: number;
  readonly start: number;
  readonly end: number;
}

/** Text without case and accents, each character still in its place. */
export function folded(text: string): string {
  return Array.from(text, (c) => Array.from(c.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase())[0] ?? c).join("");
}

export function find(query: string, segments: readonly Segment[]): Hit[] {
  const wanted = folded(query.trim());
  if (!wanted) return [];
  const hits: Hit[] = [];
  segments.forEach(({ text }, segment) => {
    const within = folded(text.trim());
    for (let at = within.indexOf(wanted); at >= 0; at = within.indexOf(wanted, at + wanted.length)) {
      hits.push({ segment, start: at, end: at + wanted.length });
    }
  });
  return hits;
}
