import type { Document, Segment } from "../../src/shared/protocol";

/** A segment, cut into words of half a second where it is timed. */
export function segment(text: string, start: number, end: number, timed = true): Segment {
  const words = text.split(/(?= )/).map((word, index) => [word, start + index / 2, start + index / 2 + 0.4, 0.9] as const);
  return { start, end, text, words: timed ? words : [], names: [], flags: "", language: null };
}

/** A document with what a test says of it. */
export function document_(about: Partial<Document> = {}): Document {
  return {
    title: "talk.wav", details: ["1:00", "en"], warning: null, duration: 60, language: "en", turns: [], gaps: [],
    segments: [segment(" And so", 0, 2), segment(" my fellow", 3, 5)], sound: { path: null, home: "/home/a", size: 5, mime: null },
    levels: [{ seconds: 0.1, count: 600 }], formats: ["txt", "srt"], changes: 0, rounds: 0, foot: ["base, float32"], writing: false, several: false,
    ...about,
  }; // prettier-ignore
}
