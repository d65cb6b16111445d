import { expect, test } from "vitest";

import { textOf } from "../../src/player/region";
import { timeOf } from "../../src/player/search";
import type { Segment } from "../../src/shared/protocol";

const WORDS = { start: 0, end: 2, text: " one two", words: [[" one", 0.2, 0.6, 1], [" two", 1.2, 1.6, 1]] } as unknown as Segment; // prettier-ignore
const PLAIN = { start: 2, end: 4, text: " three four", words: [] } as unknown as Segment;
const DOCUMENT = { segments: [WORDS, PLAIN] };

test("the text of a stretch is its words, or its segments", () => {
  expect(textOf({ start: 1, end: 2 }, DOCUMENT)).toBe("two");
  expect(textOf({ start: 1, end: 2.5 }, DOCUMENT)).toBe("two three four");
  expect(textOf({ start: 9, end: 10 }, DOCUMENT)).toBe("");
});

test("a place of the text is said at its word, or at its part of the segment", () => {
  expect(timeOf({ segment: 0, start: 4, end: 7 }, DOCUMENT)).toBe(1.2);
  expect(timeOf({ segment: 1, start: 5, end: 6 }, DOCUMENT)).toBe(3);
  expect(timeOf({ segment: 7, start: 0, end: 1 }, DOCUMENT)).toBe(0);
});
